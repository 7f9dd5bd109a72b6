"""Chapter 5: the least-squares losses, Mao et al. (2017), equation 9."""

import torch

from course.exercises.cases import tensors
from course.exercises.engine import Exercise


def my_least_squares(real_logits, fake_logits):
    """(d_loss, g_loss), both to be minimised, scalars. real_logits (N,), fake_logits (M,): the
    discriminator's raw outputs; N and M may differ."""
    d_loss = 0.5 * (real_logits - 1).square().mean() + 0.5 * fake_logits.square().mean()
    g_loss = 0.5 * (fake_logits - 1).square().mean()
    return d_loss, g_loss


def by_expansion(real_logits, fake_logits):
    """The same in float64, with the squares multiplied out."""
    real, fake = real_logits.double(), fake_logits.double()
    real_loss = ((real**2).mean() - 2 * real.mean() + 1) / 2
    g_loss = ((fake**2).mean() - 2 * fake.mean() + 1) / 2
    return (real_loss + (fake**2).mean() / 2).to(real_logits.dtype), g_loss.to(real_logits.dtype)


def draw(rng, N, M, scale=1.0, dtype=torch.float64):
    """A case; `scale` multiplies the outputs."""
    return tuple(scale * logits for logits in tensors(rng, "N M", dtype, N=N, M=M))


least_squares_losses = Exercise(
    my_least_squares,
    reference=by_expansion,
    gradients=True,
    draw=draw,
    by_hand=[
        ([3.0], [2.0, 0.5]),  # 2 for the real point
        ([1.0, 1.0], [0.0, 0.0, 0.0]),  # at its best
        ([1e4, -1e4, 0.0], [0.0, -1e4, 0.5, 7e3]),
        ([1e4], [-1e4]),
        ([-1e4], [1e4]),
    ],
    sizes=[
        dict(N=1, M=1),
        dict(N=4, M=4),
        dict(N=5, M=2),
        dict(N=2, M=6, scale=10.0),
        dict(N=3, M=1100),
        dict(N=3, M=5, dtype=torch.float32),
        dict(N=6, M=3, scale=100.0, dtype=torch.float32),
    ],
    spans=dict(N=(1, 6), M=(1, 6), scale=lambda rng: 10 ** rng.uniform(-1, 2)),
    special="""
        large: max(real_logits.abs().max(), fake_logits.abs().max()) > 10
            Right for small outputs: further out, is something clamped, or a line in place of the square?
    """,
    hints="""
        Which target has each of the three terms: real points for the discriminator, generated ones for the
        discriminator, and generated ones for the generator?

        The outputs are not probabilities: no sigmoid. Each batch has a mean of its own, and each of the three
        terms its ½.

        This is the first line itself: `d_loss = 0.5 * (real_logits - 1).square().mean() + 0.5 *
        fake_logits.square().mean()`, and `g_loss` likewise.
    """,
    wrong="""
        sigmoid_first: _logits - 1 → _logits.sigmoid() - 1
        and: fake_logits.square → fake_logits.sigmoid().square
            You take the sigmoid first. The squares are of the raw outputs: behind a sigmoid their slope would
            vanish again where the discriminator is sure.
        no_half: 0.5 → 1
            The ½ is missing: each of the three terms has one.
        d_not_halved: 0.5 * (real_logits → (real_logits
        and: 0.5 * fake_logits → fake_logits
            The generator's loss is right, but both terms of the discriminator's have a ½ too.
        labels_swapped: (real_logits - 1) → real_logits
        and: fake_logits.square → (fake_logits - 1).square
            The discriminator's targets are swapped: 1 for real points, 0 for generated ones.
        labels_swapped_everywhere: (real_logits - 1) → real_logits
        and: (fake_logits - 1) → fake_logits
        and: + 0.5 * fake_logits → + 0.5 * (fake_logits - 1)
            All targets are swapped. In both losses 1 means real: the discriminator wants real points at 1 and
            generated ones at 0, the generator wants its own at 1.
        generators_target_0: (fake_logits - 1) → fake_logits
            The generator's target is 0, the discriminator's own for these points: the generator then helps it
            and learns to be caught. Its target is 1.
        minimax: 0.5 * (fake_logits - 1) → -0.5 * fake_logits
            The generator's loss is minus the discriminator's term, as in the minimax game: nothing bounds it,
            and at 0 it has no slope. Its own target is 1.
        signs_as_targets: 0.5 * fake_logits → 0.5 * (fake_logits + 1)
        and: (fake_logits - 1) → fake_logits
            These are the targets -1, 1 and 0, equation 8 of the same article. Equation 9 has 0, 1 and 1.
        all_divided_by_n: .mean() → .sum() / len(real_logits)
            You divide every sum by N: those over generated points are divided by M.
        shorter_batch: d_loss = → k = min(len(real_logits), len(fake_logits)); d_loss =
        and: 0.5 * (real_logits - 1).square() → 0.5 * (real_logits[:k] - 1).square()
        and: + 0.5 * fake_logits.square() → + 0.5 * fake_logits[:k].square()
            You stop at the shorter batch, as `zip` does: N and M may differ, and each batch has its own mean.
        absolute: .square() → .abs()
            You take absolute values: the losses are of squares.
        hinged: _logits - 1) → _logits - 1).clamp(max=0)
        and: fake_logits.square → fake_logits.clamp(min=0).square
            Outputs beyond the target cost nothing in yours: the square pulls them back.
        clamped: _logits - 1 → _logits.clamp(0, 1) - 1
        and: fake_logits.square → fake_logits.clamp(0, 1).square
            You clamp the outputs to [0, 1]: they are raw, and the further off the harder they are pulled.
        real_points_in_g: g_loss = → g_loss = 0.5 * real_logits.square().mean() +
            Your generator's loss has a term of the real points: it has its own points alone.
        root_of_the_mean: 0.5 → 1
        and: .mean() → .mean().sqrt()
            You take the root of the mean square: the loss is half the mean square itself.
        mean_before_the_square: _logits - 1).square().mean() → _logits.mean() - 1).square()
        and: fake_logits.square().mean() → fake_logits.mean().square()
            You square the mean output's distance: outputs on both sides of the target then cancel. Square
            each point's, then take the mean.
        summed: .mean() → .sum()
            You sum over the points: the losses are means over each batch, whatever its size.
        mean_of_all_points: (real_logits - 1) → torch.cat([real_logits - 1, fake_logits])
        and: .mean() + 0.5 * fake_logits.square().mean() → .mean()
            The discriminator's loss is one mean over all N + M points: each batch has its own mean, and the
            two are added.
        twice_the_mean_of_all_points: 0.5 * (real_logits - 1) → torch.cat([real_logits - 1, fake_logits])
        and: .mean() + 0.5 * fake_logits.square().mean() → .mean()
            Right where N = M. Else the larger batch weighs more in the discriminator's loss: take each
            batch's own mean, then add.
        fake_detached_in_g: (fake_logits - 1) → (fake_logits.detach() - 1)
            The values are right, but the generator's loss is cut off from fake_logits: only through them does
            it reach the generator. Nothing is to be detached.
        fake_detached_in_d: fake_logits.square → fake_logits.detach().square
            The values are right, but in the discriminator's loss fake_logits is cut off, so the discriminator
            learns from real points alone. In training the generated points are detached before they enter the
            discriminator, not its outputs.
        losses_added: return d_loss, g_loss → return d_loss + g_loss
            You add the two losses: each network minimises its own, so return both.
        stacked: return d_loss, g_loss → return torch.stack([d_loss, g_loss])
            The values are right, but in one tensor: return the pair, `return d_loss, g_loss`, so that each
            can have its own backward pass.
    """,
)
