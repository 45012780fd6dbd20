"""What may be made of a gradient that comes late, beside a smaller learning rate: a lower bound, and less momentum.

Momentum
--------
Descent with momentum mu, v <- mu v + g, p <- p - lr v, applies a gradient mu / (1 - mu) steps after it is due in the
mean: the weight mu ** j falls on the gradient of j steps before. A delay of d steps adds d to that mean age.
Delays act as momentum does (Mitliagkas et al., arXiv:1605.09774): those that are geometric with mean d give, in the
mean, the steps of a momentum of d / (d + 1), whose mean age is d, too. So the mean age is what explicit momentum and
delay have in common, and `momentum_left` takes from the one what the other brings:

    mu_d / (1 - mu_d) + d = mu / (1 - mu),   mu_d = 0 where d is more than that.

This law is archsim's own. On f = lambda w**2 / 2 it is known what it gives: with a delay of d steps and momentum mu,
w[k+1] = w[k] + mu (w[k] - w[k-1]) - lr lambda w[k-d] turns unstable at

    lr lambda = 2 sin(theta / 2) |exp(i theta) - mu|,   (d + 1/2) theta + arg(1 - mu exp(-i theta)) = pi / 2

with the smallest theta > 0, which is 2 sin(pi / (4 d + 2)) for mu = 0. Since arg(1 - mu exp(-i theta)) is at most
theta mu / (1 - mu), and |exp(i theta) - mu| at least 1 - mu, all is stable up to

    lr lambda / (1 - mu) = 2 sin(pi / (4 a + 2)),   a = d + mu / (1 - mu),

the limit of plain descent with the mean age a as its delay. With `momentum_left` the right side is the same for all
d up to mu / (1 - mu), and the left side falls: a rate that is stable by this rule without a delay stays so with it.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ON_TIME", "Late", "momentum_left", "share_left"]


@dataclass(frozen=True, slots=True)
class Late:
    """What becomes of a gradient because it comes late, beside its learning rate.

    Attributes
    ----------
    bound : float
        The share that is left of the bound of `training.gradient_clipping`.
    steps : float
        How many steps late it is by which momentum is to be lowered: at the end of a mini-batch the mean over its
        micro-batches; 0 where momentum stays as it is.
    """

    bound: float = 1.0
    steps: float = 0.0


#: A gradient that needs no compensation.
ON_TIME = Late()


def share_left(late: int, exponent: float) -> float:
    """Return 1 / (2 d + 1) ** p of a gradient that comes d updates late."""
    return float((2 * late + 1) ** -exponent)


def momentum_left(momentum: float, steps: float) -> float:
    """Return the momentum whose mean age is that of another one, less the steps that a gradient is late.

    Parameters
    ----------
    momentum : float
        mu, from 0 to less than 1.
    steps : float
        How many steps late gradients come.
    """
    if not steps:
        return momentum
    age = momentum / (1 - momentum) - steps
    return age / (1 + age) if age > 0 else 0.0
