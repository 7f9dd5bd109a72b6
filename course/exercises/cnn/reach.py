"""Chapter 1, exercise: the receptive field of a stack of layers."""

import math

from course.exercises.engine import Exercise, Misconception


def my_receptive_field(layers):
    """(size, jump) of a stack of layers (kernel, stride, dilation) along one axis, as ints."""
    raise NotImplementedError


def solve_receptive_field(layers):
    """(size, jump) of a stack of layers (kernel, stride, dilation) along one axis, as ints."""
    size, jump = 1, 1  # an input pixel sees itself
    for kernel, stride, dilation in layers:
        size = size + (kernel - 1) * dilation * jump  # in this layer's input, neighbours lie `jump` apart
        jump = jump * stride
    return size, jump


def receptive_field_from_the_output(layers):
    """The same from the last layer back to the input: n neighbouring outputs see so many inputs."""
    size, jump = 1, 1
    for kernel, stride, dilation in reversed(layers):
        size = (size - 1) * stride + dilation * (kernel - 1) + 1
        jump = stride * jump
    return size, jump


def receptive_field_by_interval(layers):
    """The same: the first and the last pixel that outputs 0 and 1 see."""
    first, last, next_first = 0, 0, 1
    for kernel, stride, dilation in layers[::-1]:
        first, next_first = first * stride, next_first * stride
        last = last * stride + dilation * (kernel - 1)
    return last - first + 1, next_first - first


def receptive_field_by_sum(layers):
    """The same as a sum: each layer adds its reach, times the strides of all layers before it."""
    strides = [stride for _, stride, _ in layers]
    reaches = [dilation * (kernel - 1) for kernel, _, dilation in layers]
    grown = [reach * math.prod(strides[:i]) for i, reach in enumerate(reaches)]
    return 1 + sum(grown), math.prod(strides)


def pixels_seen(layers):
    """The reference: collect the very pixels that outputs 0 and 1 see."""
    fields = []
    for unit in (0, 1):
        seen = {unit}
        for kernel, stride, dilation in layers[::-1]:
            seen = {start * stride + k * dilation for start in seen for k in range(kernel)}
        fields.append(seen)
    return max(fields[0]) - min(fields[0]) + 1, min(fields[1]) - min(fields[0])


def grow(
    layers, grown=lambda k, s, d, jump: (k - 1) * d * jump, jumped=lambda k, s, d, jump: jump * s, size=1
):
    """The recursion with another rule for what a layer adds to the size, or for the next jump."""
    jump = 1
    for layer in layers:
        size, jump = size + grown(*layer, jump), jumped(*layer, jump)
    return size, jump


def wide_receptive_field(rng):
    """One valid case: up to four layers."""
    drawn = range(rng.randint(0, 4))
    return ([(rng.randint(1, 5), rng.randint(1, 3), rng.randint(1, 3)) for _ in drawn],)


receptive_field = Exercise(
    name="receptive_field",
    title="how far does a unit see?",
    difficulty="medium",
    minutes=15,
    task="""
        `layers` lists `(kernel, stride, dilation)` of a stack of convolutions and poolings along one axis,
        from the input to the output. Return the pair of ints `(size, jump)`: `size` is the length of one
        output unit's receptive field, counted in input pixels from the first that it depends on to the
        last, and `jump` is the distance in input pixels between the fields of two neighbouring output
        units. Padding does not matter. Without any layer both are 1.

        By hand first: a kernel of 3 with stride 2, then a kernel of 3 with stride 1. Draw it.
    """,
    stub_function=my_receptive_field,
    reference=pixels_seen,
    cases=lambda rng: [
        ([(3, 2, 1), (3, 1, 1)],),  # by hand
        ([(3, 1, 1), (3, 1, 1)],),
        ([(3, 1, 2)],),
        ([],),
        ([(2, 3, 1)],),
        ([(1, 2, 3), (4, 1, 1)],),
        ([(5, 1, 1), (2, 2, 1), (5, 1, 1), (2, 2, 1)],),
        ([(3, 1, 1), (3, 1, 2), (3, 1, 4)],),
        ([(3, 2, 2), (2, 3, 1), (3, 1, 3), (1, 2, 1)],),
        ([(7, 2, 1), (3, 2, 1), (3, 1, 1), (3, 2, 1)],),
        *(wide_receptive_field(rng) for _ in range(8)),
    ],
    wide=wide_receptive_field,
    hints=(
        "Start with a field of one pixel and add the layers one by one. How many units of the layer below "
        "does the new kernel reach beyond the first, and how far apart do these lie in the input?",
        "A kernel of K reaches K - 1 gaps beyond its first element; dilation makes each gap `dilation` units "
        "wide; a unit of the layer below is `jump` pixels away from the next.",
        "For each layer `size += (kernel - 1) * dilation * jump`, and only then `jump *= stride`: the "
        "layer's own stride spreads its outputs, not its inputs.",
    ),
    solution_function=solve_receptive_field,
    alternatives=(receptive_field_from_the_output, receptive_field_by_interval, receptive_field_by_sum),
    misconceptions=(
        Misconception(
            "jump_forgotten",
            "You add (K - 1) * dilation pixels whatever the strides below: after strides the units of the "
            "layer below lie `jump` pixels apart, so multiply by it.",
            lambda layers: grow(layers, lambda k, s, d, jump: (k - 1) * d),
        ),
        Misconception(
            "jump_updated_first",
            "You use the jump of the layer's output: the kernel reaches over the layer's input, so add to "
            "the size before you multiply the jump by this layer's stride.",
            lambda layers: grow(layers, lambda k, s, d, jump: (k - 1) * d * jump * s),
        ),
        Misconception(
            "jump_of_one_layer",
            "Your jump is the stride of the last layer alone: strides multiply from layer to layer.",
            lambda layers: grow(layers, jumped=lambda k, s, d, jump: s),
        ),
        Misconception(
            "own_stride_for_jump",
            "You multiply by the layer's own stride: what counts is the product of the strides below it.",
            lambda layers: grow(layers, lambda k, s, d, jump: (k - 1) * d * s),
        ),
        Misconception(
            "strides_added",
            "You add the strides up: they multiply, since a step of the upper layer is made of whole steps "
            "of the lower one.",
            lambda layers: grow(layers, jumped=lambda k, s, d, jump: jump + s - 1),
        ),
        Misconception(
            "kernel_for_gaps",
            "You add the whole kernel: its first element is already counted, so a kernel adds K - 1 gaps.",
            lambda layers: grow(layers, lambda k, s, d, jump: k * d * jump),
        ),
        Misconception(
            "starts_at_zero",
            "Your size is one too small: before the first layer a unit sees one pixel, itself.",
            lambda layers: grow(layers, size=0),
        ),
        Misconception(
            "kernels_summed",
            "You sum the kernels: neighbouring windows overlap, and strides and dilations spread them.",
            lambda layers: grow(layers, lambda k, s, d, jump: k, size=0),
        ),
        Misconception(
            "dilation_forgotten",
            "The dilation is not counted: each of the K - 1 gaps is `dilation` units wide.",
            lambda layers: grow(layers, lambda k, s, d, jump: (k - 1) * jump),
        ),
        Misconception(
            "dilation_times_kernel",
            "Your kernel spans dilation * kernel units: there are only kernel - 1 gaps, so it spans "
            "dilation * (kernel - 1) + 1.",
            lambda layers: grow(layers, lambda k, s, d, jump: (k * d - 1) * jump),
        ),
        Misconception(
            "dilation_in_the_jump",
            "You multiply the jump by the dilation: dilation spreads the inputs of one unit, not the units.",
            lambda layers: grow(layers, jumped=lambda k, s, d, jump: jump * s * d),
        ),
        Misconception(
            "layers_reversed",
            "You run the recursion from the output: a layer's gaps widen by the strides of the layers below "
            "it, nearer to the input.",
            lambda layers: grow(layers[::-1]),
        ),
        Misconception(
            "pair_swapped",
            "The numbers are right, the order is not: return (size, jump).",
            lambda layers: grow(layers)[::-1],
        ),
    ),
)
