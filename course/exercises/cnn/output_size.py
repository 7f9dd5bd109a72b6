"""Chapter 1: the output length of a convolution along one axis."""

from course.exercises.engine import Exercise


def my_output_size(n, kernel, stride, padding, dilation):
    """The output length of a convolution along one axis, as an int."""
    reach = dilation * (kernel - 1) + 1  # from the first input element under the kernel to the last
    return (n + 2 * padding - reach) // stride + 1


def draw(rng, kernel, stride, padding, dilation, more):
    """A case in which the kernel fits on the padded axis, with `more` elements to spare."""
    shortest = max(1, dilation * (kernel - 1) + 1 - 2 * padding)
    return shortest + more, kernel, stride, padding, dilation


output_size = Exercise(
    my_output_size,
    reference=lambda n, k, s, p, d: len(range(0, n + 2 * p - d * (k - 1), s)),  # the starts
    by_hand=[
        (6, 3, 2, 0, 1),  # starts 0 and 2, and one element is left over
        (5, 3, 1, 0, 1),
        (5, 3, 1, 1, 1),
        (7, 3, 1, 0, 2),
        (8, 3, 2, 1, 1),
        (28, 5, 1, 2, 3),
        (32, 2, 2, 0, 3),
        (7, 1, 3, 0, 2),
        (10, 4, 3, 2, 3),
        (1, 3, 2, 1, 1),
        (224, 7, 2, 3, 2),
        (31, 6, 4, 3, 2),
        (40, 2, 5, 5, 4),
        (17, 3, 4, 1, 3),
        (1, 1, 1, 0, 1),
        (2, 3, 1, 5, 2),  # places on the padding alone
        (50, 1, 49, 0, 1),  # 49 * (1 / 49) < 1
        (4, 1, 1, 5, 1),
        (3, 2, 4, 3, 1),  # the stride exceeds the kernel
        (1, 5, 1, 2, 1),
        (1, 2, 1, 2, 4),  # the dilation exceeds n
        (500, 1, 1, 0, 1),
        (10**17 + 1, 4, 1, 10**17 + 9, 10**17 + 3),  # no float holds any of these
        (10**17 + 5, 10**17 + 3, 1, 0, 1),
        (3 * 10**17 + 3, 1, 10**17 + 1, 0, 1),
    ],
    draw=draw,
    spans=dict(kernel=(1, 7), stride=(1, 5), padding=(0, 5), dilation=(1, 4), more=(0, 40)),
    hints="""
        Draw the axis with its padding. At the first position the kernel covers some elements: how many are
        left over to its right?

        With dilation the kernel spans `dilation * (kernel - 1) + 1` elements, from its first to its last.

        With `left` elements over to its right the kernel can take `left // stride` more steps. Then count the
        first position.
    """,
    special="""
        large_numbers: n > 2**53
            Your function is right but for numbers that a `float` does not hold: `/`, `math.floor` and tensors
            round them to 16 digits or fewer. `//` of two ints is exact.
        many_positions: (n + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1 > 128
            Your function is right but for hundreds of positions: is there a limit?
        wide_stride: stride > dilation * (kernel - 1) + 1
            Your function is right but where the stride exceeds what the kernel spans: elements are then left
            out between two positions, and that is right.
        zero_padding: padding == 0
            A padding of 0 is a value like others: `padding or ...` takes it for "not given".
        wide_padding: 2 * padding > dilation * (kernel - 1)
            Your function is right but where the padding is wide: every position counts at which the kernel
            fits on the padded axis, on padding alone too, and there may be more of them than `n`.
    """,
    wrong="""
        no_floor: // stride → / stride
            The floor is missing: a half position does not exist. Divide with //, which rounds down to an int.
        rounded_up: return (n → return -(-(n
        and: // stride → // stride)
            You round up: the last position then hangs over the end of the axis. Round down.
        rounded_to_nearest: return (n → return round((n
        and: // stride + 1 → / stride + 1)
        rounded_before_adding: return (n → return round((n
        and: // stride + 1 → / stride) + 1
            You round to the nearest whole number: the last position may then hang over the end. Round down.
        same_padding: (n + 2 * padding - reach) // stride + 1 → -(-n // stride)
            That is the length with "same" padding, which is chosen to give it: here `padding` is given.
        transposed: (n + 2 * padding - reach) // stride + 1 → (n - 1) * stride - 2 * padding + reach
            That is the length of the transposed convolution, which goes the other way.
        brackets_forgotten: (n + 2 * padding - reach) // stride → n + 2 * padding - reach + 1 - 1 // stride
            Brackets are missing: // goes before + and -, so the last number alone is divided.
        padding_on_one_side: 2 * padding → padding
            You count the padding once: it is added at both ends, so the axis grows by 2 * padding.
        padding_forgotten:  + 2 * padding → nothing
            The padding is not counted: the axis has n + 2 * padding elements.
        dilation_forgotten: dilation * (kernel - 1) + 1 → kernel
            The dilation is not counted: a dilated kernel spans dilation * (kernel - 1) + 1 elements.
        dilation_times_kernel: dilation * (kernel - 1) + 1 → dilation * kernel
            Your kernel spans dilation * kernel elements. There are only kernel - 1 gaps between kernel
            elements: it spans dilation * (kernel - 1) + 1.
        gaps_alone: (kernel - 1) + 1 → (kernel - 1)
            Your kernel spans dilation * (kernel - 1) elements, one too few: gaps lie between elements, and
            the last element counts as well.
        first_position_forgotten: stride + 1 → stride
            You count the steps, not the positions: the first position comes before the first step, so add 1.
        one_added_before_dividing: - reach) // stride + 1 → - reach + 1) // stride
            You add the 1 before you divide by the stride: divide and round down first, then add the first
            position.
        stride_forgotten:  // stride → nothing
            The stride is not counted: the kernel moves by `stride` elements at a time.
    """,
)
