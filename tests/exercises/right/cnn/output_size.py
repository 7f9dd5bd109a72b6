"""Right answers to `output_size` in other words than the solution's."""


def output_size_by_counting(n, kernel, stride, padding, dilation):
    """The same: a start counts if the kernel's last element is still on the padded axis."""
    starts = range(0, n + 2 * padding, stride)
    return sum(1 for start in starts if start + dilation * (kernel - 1) < n + 2 * padding)


def output_size_by_range(n, kernel, stride, padding, dilation):
    """The same: the starts are a range."""
    return len(range(0, n + 2 * padding - dilation * (kernel - 1), stride))


RIGHT = (
    output_size_by_counting,
    output_size_by_range,
    lambda n, k, s, p, d: -((d * (k - 1) - n - 2 * p) // s),
    lambda n, k, s, p, d: (n + 2 * p - d * (k - 1) + s - 1) // s,
)
