"""Small real data sets that travel with the course: every loader works with no network.

`mnist()` and `fashion_mnist()` return an `ImageSet`, `photograph()` a `Photograph`, `novel()` a `Novel`,
`dates()` `Dates`, whose texts `encode` turns into numbers, `houses()` `Houses`.
Sources and licences stand in `embedded/ATTRIBUTION.md`.
"""

from course.data.date_texts import dates, decode, encode, normalised
from course.data.date_texts import vocabulary as date_vocabulary
from course.data.houses import houses
from course.data.images import fashion_mnist, mnist, photograph
from course.data.text import novel
from course.files import DataError
