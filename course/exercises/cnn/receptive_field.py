"""Chapter 1: the receptive field of a stack of layers."""

from course.exercises.engine import Exercise


def my_receptive_field(layers):
    """(size, jump) of a stack of layers (kernel, stride, dilation) along one axis, as ints."""
    size, jump = 1, 1  # an input pixel sees itself
    for kernel, stride, dilation in layers:
        size = size + (kernel - 1) * dilation * jump  # in this layer's input, neighbours lie `jump` apart
        jump = jump * stride
    return size, jump


def pixels_seen(layers):
    """The reference: follow the first and the last pixel that outputs 0 and 1 see."""
    fields = []
    for unit in (0, 1):
        first = last = unit
        for kernel, stride, dilation in layers[::-1]:
            first, last = first * stride, last * stride + (kernel - 1) * dilation
        fields.append((first, last))
    return fields[0][1] - fields[0][0] + 1, fields[1][0] - fields[0][0]


def draw(rng, count):
    """A case of so many layers."""
    return ([(rng.randint(1, 5), rng.randint(1, 3), rng.randint(1, 3)) for _ in range(count)],)


receptive_field = Exercise(
    my_receptive_field,
    reference=pixels_seen,
    by_hand=[
        ([(3, 2, 1), (3, 1, 1)],),
        ([(3, 1, 1), (3, 1, 1)],),
        ([(3, 1, 2)],),
        ([],),
        ([(2, 3, 1)],),
        ([(1, 2, 3), (4, 1, 1)],),
        ([(5, 1, 1), (2, 2, 1), (5, 1, 1), (2, 2, 1)],),
        ([(3, 1, 1), (3, 1, 2), (3, 1, 4)],),
        ([(3, 2, 2), (2, 3, 1), (3, 1, 3), (1, 2, 1)],),
        ([(7, 2, 1), (3, 2, 1), (3, 1, 1), (3, 2, 1)],),
        ([(1, 1, 1)],),
        ([(3, 3, 1)] * 36 + [(2, 1, 1)] * 4,),
        ([(10**17 + 2, 2, 3)],),
    ],
    draw=draw,
    spans=dict(count=(0, 4)),
    deadline=3.0,
    hints="""
        Start with a field of one pixel and add the layers one by one. How many units of the layer below does
        the new kernel reach beyond the first, and how far apart do these lie in the input?

        A kernel of K reaches K - 1 gaps beyond its first element; dilation makes each gap `dilation` units
        wide; a unit of the layer below is `jump` pixels away from the next.

        These are the lines themselves: for each layer `size += (kernel - 1) * dilation * jump`, and only then
        `jump *= stride`, since the layer's own stride spreads its outputs, not its inputs.
    """,
    special="""
        deep_stack: len(layers) > 30
            Your function is right but for deep stacks, with fields of 10^17 pixels: go through the layers
            once, with Python's ints. A float or an int32 has too few digits for them.
        large_numbers: len(layers) > 30 or any(kernel > 10**6 for kernel, _, _ in layers)
            Your function is right but for fields of 10^17 pixels: a float has too few digits for them. Stay
            with Python's ints.
        kernel_of_1: any(kernel == 1 for kernel, _, _ in layers)
            Your function is right but for kernels of 1: they add nothing, yet their stride counts.
        stride_beyond_kernel: any(stride > kernel for kernel, stride, _ in layers)
            Your function is right but where a stride exceeds the kernel: pixels are then skipped, and count.
        even_kernel: any(kernel % 2 == 0 for kernel, _, _ in layers)
            Your function is right but for even kernels: half of K - 1 is no whole number there.
        dilated: any(dilation > 1 for _, _, dilation in layers)
            Your function is right but with dilation: each of the K - 1 gaps is `dilation` units wide.
        holes: any(dilation > 1 or stride > kernel for kernel, stride, dilation in layers)
            Your function is right but where a field has holes, which count: from the first pixel to the last.
        strided: any(stride > 1 for _, stride, _ in layers)
            Your function is right but with strides: go through an example of two layers by hand.
    """,
    wrong="""
        unpacked_in_another_order: kernel, stride, dilation in → kernel, dilation, stride in
            You take the second number for the dilation: a layer is (kernel, stride, dilation).
        jump_forgotten:  * dilation * jump → * dilation
            You add (K - 1) * dilation pixels whatever the strides below: after strides the units of the layer
            below lie `jump` pixels apart, so multiply by it.
        jump_updated_first: dilation * jump → dilation * jump * stride
            You use the jump of the layer's output: the kernel reaches over the layer's input, so add to the
            size before you multiply the jump by this layer's stride.
        jump_of_one_layer: jump = jump * stride → jump = stride
            Your jump is the stride of the last layer alone: strides multiply from layer to layer.
        strides_added: jump * stride → jump + stride - 1
            You add the strides up: they multiply, since a step of the upper layer is made of whole steps of
            the lower one.
        kernel_for_gaps: (kernel - 1) → kernel
            You add the whole kernel: its first element is already counted, so a kernel adds K - 1 gaps.
        starts_at_zero: size, jump = 1, 1 → size, jump = 0, 1
            Your size is one too small: before the first layer a unit sees one pixel, itself.
        kernels_summed: (kernel - 1) * dilation * jump → kernel
        and: size, jump = 1, 1 → size, jump = 0, 1
            You sum the kernels: neighbouring windows overlap, and strides and dilations spread them.
        dilation_forgotten: * dilation * jump → * jump
            The dilation is not counted: each of the K - 1 gaps is `dilation` units wide.
        dilation_times_kernel: (kernel - 1) * dilation * jump → (kernel * dilation - 1) * jump
            Your kernel spans dilation * kernel units: there are only kernel - 1 gaps, so it spans dilation *
            (kernel - 1) + 1.
        dilation_in_the_jump: jump * stride → jump * stride * dilation
            You multiply the jump by the dilation: dilation spreads the inputs of one unit, not the units.
        layers_reversed: in layers → in layers[::-1]
            You run the recursion from the output: a layer's gaps widen by the strides of the layers below it,
            nearer to the input.
        pair_swapped: return size, jump → return jump, size
            The numbers are right, the order is not: return (size, jump).
    """,
)
