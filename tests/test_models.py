"""The recorded models, of torch.nn parts: each equals its chapter's class, and does what its row says."""

from functools import partial

import pytest
import torch
from torch.nn import functional as F

from course import data, models, results
from course.chapters import load_definitions

cnn, rnn, attention, vae, gan = map(load_definitions, ("01", "02", "03", "04", "05"))
DIGITS = data.mnist()
HELD_OUT = vae.held_out(DIGITS.x_test.flatten(1))
DATES = data.dates().held_out


def drawn(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def date_rival():
    return attention.date_model(models.date_transformer().vocabulary)


PIXELS, INK = DIGITS.x_test[:7].double(), HELD_OUT[:7].double()
SOURCE, TARGET = attention.date_tokens(DATES, models.date_transformer().vocabulary)
# The recorded model, the chapter's own class, and the inputs of both.
PAIRS = {
    "digits_cnn": (models.digits_cnn, cnn.CNN, [PIXELS]),
    "novel_lstm": (models.novel_lstm, rnn.CharModel, [torch.arange(75).view(3, 25)]),
    "recall_lstm": (models.recall_lstm, lambda: rnn.Recaller(rnn.LSTM), [drawn(4, 20, 3)]),
    "date_transformer": (models.date_transformer, date_rival, [SOURCE[:6], TARGET[:6]]),
    "digits_vae": (models.digits_vae, vae.VAE, [INK, drawn(7, 20)]),
    "plane_vae": (models.plane_vae, lambda: vae.VAE(2, hidden=128), [INK, drawn(7, 2)]),
    "beta_vae": (lambda: models.beta_vae(3.0), lambda: vae.VAE(10, 96), [INK, drawn(7, 10)]),
    "digits_autoencoder": (models.digits_autoencoder, vae.AutoEncoder, [INK]),
    "digits_generator": (models.digits_generator, gan.Digits, [drawn(7, 32)]),
    "digits_discriminator": (models.digits_discriminator, gan.DigitJudge, [PIXELS]),
    "digits_classifier": (models.digits_classifier, gan.Classifier, [PIXELS]),
}


def flat(output):
    """The tensors of an output, nested in tuples, in order."""
    return [output] if isinstance(output, torch.Tensor) else [x for part in output for x in flat(part)]


@pytest.mark.parametrize("name", PAIRS)
def test_a_model_equals_its_chapters_own(name):
    make, rival, inputs = PAIRS[name]
    before = torch.get_rng_state()
    ours = make()
    assert torch.equal(torch.get_rng_state(), before)  # a chapter's own draws stay what they are
    theirs = rival()
    assert not ours.training and not any(p.requires_grad for p in ours.parameters())
    assert {p.dtype for p in ours.parameters()} == {torch.float32}
    theirs.load_state_dict(ours.state_dict())
    for mine, other in zip(*(flat(model.double()(*inputs)) for model in (ours, theirs)), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-6, atol=1e-6)


def test_the_parts_that_explorers_use_equal_the_chapters_too():
    ours, theirs = models.plane_vae(), vae.recorded("plane", vae.VAE(2, hidden=128))
    x, z = INK.float(), drawn(5, 2).float()
    judge, own = models.digits_classifier(), gan.recorded("classifier", gan.Classifier())
    mine = *ours.encode(x), ours.decode(z), judge.features(PIXELS.float())
    other = *theirs.encode(x), theirs.decode(z), own.features(PIXELS.float())
    for part, others in zip(mine, other, strict=True):
        torch.testing.assert_close(part, others, rtol=1e-5, atol=1e-6)
    assert models.digits_generator().noise == gan.Digits().noise


def test_dates_are_translated_as_in_the_chapter():
    module, model = load_definitions("03"), models.date_transformer()
    module.reader = date_rival()
    module.reader.load_state_dict(model.state_dict())
    for text in [*DATES.texts[:12], "5 мая 1812 г.", "hello", "  May 5,\u00a02021 "]:
        ours, theirs = model.translate(text), module.translate(text)
        assert (ours["source"], ours["output"]) == (theirs["source"], theirs["output"])
        for name in ("probs", "attn"):
            torch.testing.assert_close(ours[name], theirs[name], rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="41"):
        model.translate("1" * 41)


def test_a_readers_own_net_is_kept_and_read_again(tmp_path, capsys):
    own, path = cnn.CNN(), tmp_path / models.OWN
    models.save_digits_cnn(own, path)
    net = models.digits_cnn(own=path)
    assert net.own and not net.training and not models.digits_cnn().own
    assert all(torch.equal(net.state_dict()[name], weight) for name, weight in own.state_dict().items())
    assert torch.allclose(net(PIXELS.float()), own(PIXELS.float()), atol=1e-5)
    assert capsys.readouterr().out == ""
    models.save_digits_cnn(own, path / "no folder")
    assert capsys.readouterr().out.count("your net is not kept") == 1


@pytest.mark.parametrize("change", ["missing", "a folder", "half", "foreign", "not finite", "empty"])
def test_a_file_that_is_no_net_gives_the_recorded_one_and_one_line(change, tmp_path, capsys):
    path, net = tmp_path / models.OWN, cnn.CNN()
    if change == "foreign":
        net.output = torch.nn.Linear(64, 3)
    elif change == "not finite":
        net.state_dict()["conv1.bias"].fill_(torch.nan)
    models.save_digits_cnn(net, path)
    if change in ("missing", "a folder"):
        path.unlink()
    if change == "a folder":
        path.mkdir()
    elif change in ("half", "empty"):
        path.write_bytes(path.read_bytes()[: 1000 if change == "half" else 0])
    found, recorded = models.digits_cnn(own=path), models.digits_cnn()
    assert not found.own
    assert all(torch.equal(found.state_dict()[name], w) for name, w in recorded.state_dict().items())
    [line] = capsys.readouterr().out.splitlines()
    assert str(path) in line and "the recorded" in line


# Wrong weights in a file of the right shapes would pass so far: each model does what its table says.


def row_of(chapter, table, **which):
    """The one row of a recorded table with these arguments."""
    [row] = [r for r in results.read(chapter, table) if r.items() >= which.items()]
    return row


def accuracy(model):
    return (model(DIGITS.x_test).argmax(1) == DIGITS.y_test).double().mean().item()


def bits():
    novel = data.novel()
    return rnn.bits(models.novel_lstm(), novel.encode(novel.held_out))


def recalled():
    x, symbol = rnn.recall_batch(rnn.Draws(10_000), 1000)
    return (models.recall_lstm()(x)[:, -1].sign() == symbol).double().mean().item()


def exact():
    return attention.exact(models.date_transformer(), SOURCE[:500], TARGET[:500]).double().mean().item()


@pytest.mark.parametrize(
    ("measure", "recorded", "tolerance"),
    [
        (
            lambda: 1000 * accuracy(models.digits_cnn()),
            row_of("01", "seeds", seed=0, augment=True)["correct"],
            3,
        ),
        (lambda: accuracy(models.digits_classifier()), row_of("05", "classifier")["accuracy"], 0.003),
        (
            lambda: (models.digits_discriminator()(DIGITS.x_test) > 0).double().mean().item(),
            row_of("05", "discriminator")["test digits taken for real"],
            0.003,
        ),
        (bits, row_of("02", "language", cell="LSTM", seed=0)["bits"], 0.002),
        (recalled, 1, 0.01),
        (exact, row_of("03", "dates", seed=0)["exact"], 0.01),
    ],
)
def test_a_model_is_as_good_as_its_table_says(measure, recorded, tolerance):
    assert measure() == pytest.approx(recorded, abs=tolerance)


@pytest.mark.parametrize(
    ("make", "row"),
    [(models.digits_vae, row_of("04", "digits", seed=0)), (models.plane_vae, row_of("04", "plane"))]
    + [(partial(models.beta_vae, beta), row_of("04", "beta", beta=beta)) for beta in models.BETAS],
)
def test_the_elbo_is_that_of_the_table(make, row):
    found = vae.judge(make(), HELD_OUT)
    for key in ("elbo", "recon_nll", "kl"):
        assert found[key] == pytest.approx(row[key], abs=0.1)  # weights rounded to half precision
    assert found["active"] == row["active"]


def test_a_beta_that_was_not_trained_is_refused():
    with pytest.raises(ValueError, match="beta=2.0; the recorded ones are"):
        models.beta_vae(2.0)


def test_the_autoencoder_reconstructs_better_than_the_vae():
    logits = models.digits_autoencoder()(HELD_OUT)
    error = F.binary_cross_entropy_with_logits(logits, HELD_OUT, reduction="sum") / len(HELD_OUT)
    assert error < row_of("04", "digits", seed=0)["recon_nll"] - 10


def test_the_generator_draws_what_its_table_says():
    row, samples = row_of("05", "digits", change="as chosen", seed=0), gan.sample(models.digits_generator())
    found = gan.judge(samples, models.digits_classifier(), DIGITS.x_train[:2500])
    assert found["shares"] == pytest.approx(row["shares"], abs=0.01)
    assert found["Fréchet"] == pytest.approx(row["Fréchet"], rel=0.05)
    for name in ("confident", "precision", "recall"):
        assert found[name] == pytest.approx(row[name], abs=0.03)
