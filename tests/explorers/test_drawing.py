"""Digits drawn by hand: scaled and centred as MNIST's, and kept by a control that can be emptied."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from course import data, models
from course.explorers import cnn
from course.explorers.cnn.trained_net import AS_DRAWN, CENTRED
from course.explorers.drawing import EXAMPLE, Strokes, digit_image, pad_image

NET = models.digits_cnn()
SEVEN = (((0.3, 0.25), (0.7, 0.25), (0.45, 0.8)),)


def read(image):
    with torch.no_grad():
        return int(NET(torch.tensor(image)[None, None]).argmax())


def placed(strokes, scale, right, down):
    return tuple(tuple((scale * x + right, scale * y + down) for x, y in stroke) for stroke in strokes)


def centre(image):
    places = np.arange(28)
    return (image.sum(0) @ places / image.sum(), image.sum(1) @ places / image.sum())


def test_an_image_does_not_depend_on_where_and_how_large_a_digit_is_drawn():
    usual = digit_image(EXAMPLE)
    for place in ((0.2, 0.0, 0.0), (0.5, 0.6, 0.5), (1.3, -0.15, -0.15)):
        assert np.allclose(digit_image(placed(EXAMPLE, *place)), usual, atol=1e-6)
    small = digit_image(((((0.1, 0.1), (0.12, 0.1))),))
    assert 0 < small.sum() < 60  # a dot stays one


def test_images_have_mnists_box_centre_and_ink():
    digits = data.mnist()
    twos = digits.x_train[digits.y_train == 2, 0].numpy()
    ink, centres = twos.sum((1, 2)), np.array([centre(image) for image in twos])
    spans = [max((image > 0.2).any(0).sum(), (image > 0.2).any(1).sum()) for image in twos]
    assert np.percentile(np.abs(centres - 14), 95) < 0.5 and np.median(spans) == 20  # what MNIST is like
    image = digit_image(EXAMPLE)
    assert abs(image.sum() - ink.mean()) < ink.std()
    for strokes in (EXAMPLE, SEVEN, (((0.2, 0.5), (0.8, 0.5)),)):
        image = digit_image(strokes)
        assert np.abs(np.array(centre(image)) - 14).max() <= 0.51
        assert max((image > 0.2).any(0).sum(), (image > 0.2).any(1).sum()) == 20
    assert image.dtype == np.float32 and image.shape == (28, 28) and image.max() == 1 and image.min() == 0


def test_the_net_reads_drawings_and_misses_them_where_they_are_not_centred():
    assert (read(digit_image(EXAMPLE)), read(digit_image(SEVEN))) == (2, 7)
    corner = placed(SEVEN, 0.35, 0.6, 0.6)
    assert read(digit_image(corner)) == 7 != read(pad_image(corner))


def test_a_drawing_as_it_lies_on_the_pad():
    dot = pad_image((((0.25, 0.75),),), pen=0.2)
    assert dot[21, 7] == dot[20, 6] == 1 and dot[:14].sum() == 0
    assert dot.sum() == pytest.approx(np.pi * (0.1 * 28) ** 2, rel=0.03)  # the pen's area in pixels


def test_nothing_drawn_gives_an_empty_image():
    assert digit_image(()).sum() == pad_image(()).sum() == 0
    assert digit_image(()).shape == pad_image(()).shape == (28, 28)


def test_the_control_keeps_tuples_and_is_emptied_by_its_button():
    strokes, seen = Strokes(), []
    strokes.observe(lambda change: seen.append(change["new"]), "value")
    strokes.value = [[[0, 1], [0.5, 0.5]], []]  # as a browser sends it
    assert strokes.value == (((0.0, 1.0), (0.5, 0.5)),)
    strokes.clear.click()
    assert strokes.value == seen[-1] == () and strokes.children[0].value == "drawing"


def right_of(name):
    """Which digits of a file are read right, by way of reading; labels, kinds: arrays."""
    digits = json.loads(Path(__file__).with_name(name).read_text(encoding="utf-8"))["digits"]
    explorer = cnn.trained_net(NET, data.mnist().x_test[:1], data.mnist().y_test[:1])
    labels, kinds = (np.array([digit[key] for digit in digits]) for key in ("label", "kind"))
    drawings = [as_tuples(digit["strokes"]) for digit in digits]
    right = {
        fit: labels == [explorer.state(drawing=drawing, fit=fit)["best"][0] for drawing in drawings]
        for fit in (CENTRED, AS_DRAWN)
    }
    assert [(labels == label).sum() for label in range(10)] == [10] * 10
    return right, labels, kinds


def test_a_held_out_hundred_of_drawn_digits_is_read_and_far_fewer_without_scaling_and_centring():
    """Nobody had looked at these while the scaling was chosen, and nothing has been changed because of them:
    they were read once, 100 of them right, 76 without scaling and centring.
    """
    right, labels, kinds = right_of("drawn_digits_2.json")
    assert right[CENTRED].sum() >= 95
    assert all(right[CENTRED][labels == label].mean() >= 0.85 for label in range(10))
    assert right[AS_DRAWN].sum() <= 85
    away = np.isin(kinds, ["small", "corner"])
    assert right[CENTRED][away].mean() >= 0.9 and right[AS_DRAWN][away].mean() < 0.5


def test_the_hundred_digits_that_the_scaling_was_chosen_with_are_still_read():
    """No held-out ones: they were looked at meanwhile. What fails is a 1 with a long flag, read as 7."""
    right, labels, kinds = right_of("drawn_digits.json")
    assert right[CENTRED].sum() >= 97
    assert all(right[CENTRED][labels == label].mean() >= 0.85 for label in range(10))
    assert right[AS_DRAWN].sum() <= 80
    away = np.isin(kinds, ["small", "corner"])
    assert right[CENTRED][away].all() and right[AS_DRAWN][away].mean() < 0.3


def as_tuples(strokes):
    return tuple(tuple(map(tuple, stroke)) for stroke in strokes)
