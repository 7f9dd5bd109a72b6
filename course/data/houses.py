"""House sales: what was paid for 2,930 houses in Ames, Iowa, and what they were like."""

import csv
import gzip
from dataclasses import dataclass, field

import torch

from course.data.reading import read

CONDITIONS = (
    "very poor", "poor", "fair", "below average", "average", "above average", "good", "very good",
    "excellent",
)  # fmt: skip
NUMBERS = {  # our name: the file's
    "price": "Sale_Price",
    "area": "Gr_Liv_Area",
    "lot_area": "Lot_Area",
    "year_built": "Year_Built",
    "bedrooms": "Bedroom_AbvGr",
    "bathrooms": "Full_Bath",
    "garage_area": "Garage_Area",
    "basement_area": "Total_Bsmt_SF",
    "latitude": "Latitude",
    "longitude": "Longitude",
}


@dataclass(frozen=True, eq=False)
class Houses:
    """House sales, one row a sale; every tensor is (N,), float64 unless it says otherwise.

    Attributes:
        price: US dollars.
        area: living area above ground, square feet.
        lot_area, garage_area, basement_area: square feet; 0 where there is none.
        year_built: calendar year.
        bedrooms, bathrooms: counts above ground; full bathrooms alone.
        latitude, longitude: degrees.
        neighborhood: int64, an index into `neighborhoods`.
        condition: int64, an index into `conditions`, which go from worst to best.
        neighborhoods, conditions: tuples of str.
        source: where the data comes from and under which licence, one sentence.
    """

    price: torch.Tensor = field(repr=False)
    area: torch.Tensor = field(repr=False)
    lot_area: torch.Tensor = field(repr=False)
    year_built: torch.Tensor = field(repr=False)
    bedrooms: torch.Tensor = field(repr=False)
    bathrooms: torch.Tensor = field(repr=False)
    garage_area: torch.Tensor = field(repr=False)
    basement_area: torch.Tensor = field(repr=False)
    latitude: torch.Tensor = field(repr=False)
    longitude: torch.Tensor = field(repr=False)
    neighborhood: torch.Tensor = field(repr=False)
    condition: torch.Tensor = field(repr=False)
    neighborhoods: tuple = field(repr=False)
    conditions: tuple
    source: str

    def __len__(self):
        return len(self.price)


def houses():
    """The 2,930 house sales in Ames, Iowa, from 2006 to 2010, in the file's order, as `Houses`.

    Raises:
        DataError: if the embedded file is missing or damaged.
    Source: De Cock 2011, "Ames, Iowa: alternative to the Boston housing data", J. Statistics Education 19(3).
    """
    lines = gzip.decompress(read("ames_small.csv.gz")).decode().splitlines()
    rows = list(csv.DictReader(lines))
    neighborhoods = [row["Neighborhood"].replace("_", " ") for row in rows]
    conditions = [row["Overall_Cond"].replace("_", " ").lower() for row in rows]
    places = tuple(sorted(set(neighborhoods)))
    numbers = {
        name: torch.tensor([float(row[column]) for row in rows], dtype=torch.float64)
        for name, column in NUMBERS.items()
    }
    return Houses(
        **numbers,
        neighborhood=torch.tensor([places.index(place) for place in neighborhoods]),
        condition=torch.tensor([CONDITIONS.index(condition) for condition in conditions]),
        neighborhoods=places,
        conditions=CONDITIONS,
        source="2,930 house sales in Ames, Iowa (De Cock 2011), by way of the R package modeldata (MIT).",
    )
