"""Small postcode directories in the layouts that the Office for National Statistics has published."""

from __future__ import annotations

import csv
from pathlib import Path

ONSPD_2017 = (
    "pcd,pcd2,pcds,dointr,doterm,oscty,ced,oslaua,osward,parish,usertype,oseast1m,osnrth1m,osgrdind,oshlthau,nhser,"
    "ctry,rgn,streg,pcon,eer,teclec,ttwa,pct,nuts,statsward,oa01,casward,park,lsoa01,msoa01,ur01ind,oac01,oa11,lsoa11,"
    "msoa11,wz11,ccg,bua11,buasd11,ru11ind,oac11,lat,long,lep1,lep2,pfa,imd,calncv,stp"
)
ONSPD_2023 = ONSPD_2017.replace("calncv,stp", "calncv,icb,oa21,lsoa21,msoa21")
ONSPD_2025 = (
    "pcd7,pcd8,pcds,dointr,doterm,cty25cd,ced25cd,lad25cd,wd25cd,parncp25cd,usrtypind,east1m,north1m,gridind,hlth19cd,"
    "nhser24cd,ctry25cd,rgn25cd,oa11cd,lsoa11cd,msoa11cd,oa21cd,lsoa21cd,msoa21cd,lat,long,imd20ind"
)
NSPL_2019 = (
    "pcd,pcd2,pcds,dointr,doterm,usertype,oseast1m,osnrth1m,osgrdind,oa11,cty,ced,laua,ward,hlthau,nhser,ctry,rgn,pcon,"
    "eer,teclec,ttwa,pct,nuts,park,lsoa11,msoa11,wz11,ccg,bua11,buasd11,ru11,oac11,lat,long,lep1,lep2,pfa,imd,calncv"
)
NSPL_2025 = ONSPD_2025.replace("oa11cd,lsoa11cd,msoa11cd,", "").replace("lad25cd", "lad26cd")
ARCGIS = "X,Y,objectid," + ONSPD_2023.upper()

LAYOUTS = {
    "onspd_2017": ONSPD_2017,
    "onspd_2023": ONSPD_2023,
    "onspd_2025": ONSPD_2025,
    "nspl_2019": NSPL_2019,
    "nspl_2025": NSPL_2025,
    "arcgis": ARCGIS,
}

NAMES = {
    "terminated": ("doterm",),
    "user_type": ("usertype", "usrtypind"),
    "latitude": ("lat",),
    "longitude": ("long",),
    "district": ("oslaua", "laua", "lad25cd", "lad26cd"),
    "oa": ("oa11", "oa11cd"),
    "lsoa": ("lsoa11", "lsoa11cd"),
    "msoa": ("msoa11", "msoa11cd"),
    "oa21": ("oa21", "oa21cd"),
    "lsoa21": ("lsoa21", "lsoa21cd"),
    "msoa21": ("msoa21", "msoa21cd"),
    "easting": ("oseast1m", "east1m"),
    "northing": ("osnrth1m", "north1m"),
}
"""What a test calls a column, and what the directories call it."""


def cells_of(header: str, **values: str) -> list[str]:
    """A row of a directory; `postcode` is written in the ways of its columns, all else as it is."""
    outward, inward = values.pop("postcode").rsplit(" ", 1)
    spelled = {"pcd": f"{outward:4}{inward}", "pcd7": f"{outward:4}{inward}", "pcds": f"{outward} {inward}"}
    spelled |= dict.fromkeys(("pcd2", "pcd8"), f"{outward:4} {inward}")
    values = {"user_type": "0", **values}
    cells = spelled | {name: value for key, value in values.items() for name in NAMES[key]}
    return [cells.get(column.casefold(), "") for column in header.split(",")]


def write_directory(path: Path, header: str, *rows: dict[str, str], quoted: bool = True) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL, lineterminator="\r\n")
        writer.writerow(header.split(","))
        writer.writerows(cells_of(header, **row) for row in rows)
    return path
