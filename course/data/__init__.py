"""Small real data sets that travel with the course: every loader works with no network.

`mnist()` and `fashion_mnist()` return an `ImageSet`, `photograph()` a `Photograph`, `novel()` a `Novel`,
`dates()` `Dates`, whose texts `encode` turns into numbers, `houses()` `Houses`.
Sources and licences stand in `embedded/ATTRIBUTION.md`.
"""

from course.data.date_texts import Dates, DateSet, dates, decode, encode, normalised
from course.data.date_texts import vocabulary as date_vocabulary
from course.data.houses import Houses, houses
from course.data.images import ImageSet, Photograph, fashion_mnist, mnist, photograph
from course.data.text import Novel, novel
from course.files import DataError

__all__ = [
    "DataError",
    "DateSet",
    "Dates",
    "Houses",
    "ImageSet",
    "Novel",
    "Photograph",
    "date_vocabulary",
    "dates",
    "decode",
    "encode",
    "fashion_mnist",
    "houses",
    "mnist",
    "normalised",
    "novel",
    "photograph",
]
