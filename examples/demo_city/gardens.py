"""Between house and pavement: lawns, drives, hedges, fences, bushes, bins."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from demo_city import plants, things
from demo_city.cars import car
from demo_city.mesh import Builder, Colour, mix
from demo_city.site import BLACK, BOUNDARY, GARDEN, GRASS, PAVEMENT, WORN_GRASS, Kind, Site

PAVED: tuple[Colour, ...] = ((170, 164, 156), (150, 146, 142), (178, 150, 132), (188, 178, 160))
FLOWERS: tuple[Colour, ...] = ((214, 64, 92), (236, 196, 70), (246, 240, 236), (150, 96, 180), (232, 124, 60))
CAP: Colour = (190, 184, 172)


@dataclass(frozen=True)
class Plot:
    """The ground in front of a house, `width` metres along the street from `z`."""

    site: Site
    side: int
    kind: Kind
    z: float
    width: float
    green: float = field(init=False)
    """How green this one is, 0..1."""

    def __post_init__(self) -> None:
        own = self.site.traits.greenery + self.site.rng.gauss(0, 0.16)
        object.__setattr__(self, "green", min(1.0, max(0.0, own)))

    @cached_property
    def has_drive(self) -> bool:
        return self.kind in ("semi", "detached") and self.site.plan.garden > 3.5

    @cached_property
    def way_in(self) -> tuple[float, float]:
        """Where the drive or the path begins and ends, as u."""
        if self.has_drive:
            wide = 3.0 if self.kind == "semi" else 3.3
            start = self.width - wide - 0.1 if self.kind == "semi" else max(8.0, self.width - 7.0)
            return start, min(self.width, start + wide)
        if self.kind == "flats":
            return self.width * 0.42, self.width * 0.42 + 1.4
        start = 0.5 if self.site.rng.random() < 0.5 else max(0.6, min(self.width, 5.2) - 1.6)
        return start, start + 1.1

    def lay(self) -> None:
        site, plan, rng = self.site, self.site.plan, self.site.rng
        keen = min(1.0, 0.2 + 0.5 * self.green + 0.3 * site.traits.upkeep)
        grass = mix(mix(WORN_GRASS, GRASS, keen), (90, 128, 60), rng.uniform(0, 0.4))
        paved = mix(rng.choice(PAVED), (110, 106, 98), 0.4 * (1 - site.traits.upkeep))
        chance = 0.35 + 0.6 * self.green if self.kind == "flats" else 0.08 + 0.9 * self.green
        self._cover((plan.boundary, plan.front), (0.0, self.width), grass if rng.random() < chance else paved)
        if plan.garden < 1.0:
            return
        soil = mix((112, 96, 78), GRASS, 0.3 * self.green)
        self._cover((plan.front - 0.6, plan.front), (0.0, self.width), soil)
        into = plan.front + (6.0 if self.has_drive else 0.0)
        self._cover((plan.boundary, into), self.way_in, mix(rng.choice(PAVED), (90, 88, 88), 0.3))
        if self.has_drive and rng.random() < 0.3 + 0.45 * site.traits.wealth:
            self._park()
        if plan.garden > 3:
            self._grow()
        self._enclose()
        self._put_out_bins()

    def _cover(self, across: tuple[float, float], along: tuple[float, float], colour: Colour) -> None:
        self.site.cover(self.side, across, (self.z + along[0], self.z + along[1]), colour)

    def _park(self) -> None:
        """A car on the drive: built along the street, then turned so that an end is towards the road."""
        site, plan, side = self.site, self.site.plan, self.side
        tones = site.tones[side]
        turned = {**tones, "near": tones["front"], "far": tones["front"], "front": tones["near"]}
        forward, shine = site.rng.random() < 0.6, site.traits.wealth
        faces = car(site.rng, turned, side=1, x=0.0, z=0.0, forward=forward, shine=shine)
        x, z = max(plan.boundary + 2.4, plan.front - 1.4), self.z + sum(self.way_in) / 2
        # A quarter turn for the right side; the left side is its mirror image, so corners run the other way round.
        moved = []
        for face in faces:
            points = [(side * (x - pz), py, z + px) for px, py, pz in face.points]
            moved.append(face._replace(points=points if side > 0 else points[::-1]))
        site.add(GARDEN, z, moved)
        site.shade((side * x, z), (2.4, 1.1))

    def _grow(self) -> None:
        """Bushes and small trees, and flowers before the house."""
        site, plan, rng = self.site, self.site.plan, self.site.rng
        start, end = self.way_in
        for _ in range(int(8 * self.green * rng.uniform(0.3, 1.2) * self.width / 12)):
            u = rng.uniform(0.5, self.width - 0.5)
            x = self.side * (plan.boundary + rng.uniform(0.6, max(0.7, plan.garden - 0.6)))
            if start - 0.7 < u < end + 0.7:
                continue
            if rng.random() < 0.26:
                site.plant_tree((x, self.z + u), rng.uniform(2.8, 5.4), GARDEN)
            else:
                foot, light = (x, 0.0, self.z + u), site.leaf_light()
                crown = plants.bush(rng, foot, rng.uniform(0.6, 1.5), autumn=site.autumn, light=light)
                site.add(GARDEN, self.z + u, [], [crown])
        if abs(self.z) < 24 and rng.random() < self.green * (0.4 + 0.6 * site.traits.upkeep):
            build = site.builder(self.side, plan.front, self.z)
            for _ in range(int(self.width * 4)):
                u = rng.uniform(0.2, self.width - 0.2)
                if not start < u < end:
                    build.panel((u, rng.uniform(0.05, 0.3)), (0.09, 0.09), rng.choice(FLOWERS), rng.uniform(0.1, 0.6))
            site.add(GARDEN, self.z, build.faces)

    def _enclose(self) -> None:
        """Hedge, wall, fence or railings along the pavement, open at the way in."""
        site, rng = self.site, self.site.rng
        build = site.builder(self.side, site.plan.boundary, self.z)
        other = rng.choices(("wall", "fence", "railings", "none"), weights=(5, 2, 1.5, 2))[0]
        kind = "hedge" if rng.random() < 0.8 * self.green else other
        height, light = rng.uniform(0.9, 1.7), site.leaf_light()
        for u, length in ((0.0, self.way_in[0]), (self.way_in[1], self.width - self.way_in[1])):
            if length < 0.4 or kind == "none":
                continue
            if kind == "hedge":
                plants.hedge(build, rng, u, length, height, light=light)
            elif kind == "wall":
                build.box((u, 0.0, -0.22), (length, 0.75, 0.22), mix(site.wall, (150, 140, 128), 0.3), top=CAP)
                build.panel((u, 0.68), (length, 0.08), CAP, 0.03)
            else:
                self._fence(build, (u, length), wooden=kind == "fence")
        site.add(BOUNDARY, self.z + self.width / 2, build.faces)

    def _fence(self, build: Builder, extent: tuple[float, float], *, wooden: bool) -> None:
        rng, (u, length) = self.site.rng, extent
        wood: Colour = (150, 118, 86) if wooden else (52, 54, 58)
        step, thick = (0.16, 0.12) if wooden else (0.14, 0.03)
        for v in (0.3, 0.85):
            build.panel((u, v), (length, 0.06), mix(wood, BLACK, 0.2))
        if abs(self.z) > 34:
            # From afar pales are a surface; railings are nothing but their bars.
            if wooden:
                build.panel((u, 0.02), (length, 1.05), mix(wood, BLACK, 0.1))
            return
        for i in range(int(length / step)):
            if rng.random() < 0.8 + 0.2 * self.site.traits.upkeep:
                tone = mix(wood, (90, 84, 76), rng.uniform(0, 0.3))
                build.panel((u + i * step, 0.02), (thick, 1.05 + rng.uniform(-0.04, 0.04)), tone)

    def _put_out_bins(self) -> None:
        site, rng, neglect = self.site, self.site.rng, 1.0 - self.site.traits.upkeep
        if rng.random() > 0.25 + 0.4 * neglect:
            return
        out = rng.random() < 0.25 + 0.45 * neglect
        build = site.builder(self.side, site.plan.boundary if out else site.plan.front, self.z)
        at = rng.uniform(0.3, max(0.4, self.width - 2.4))
        for i in range(rng.randint(1, 3)):
            things.wheelie_bin(build, (at + i * 0.68, 0.15 + rng.uniform(0, 0.1)), rng.choice(things.LIDS))
        site.add(PAVEMENT if out else GARDEN, self.z + at, build.faces)
