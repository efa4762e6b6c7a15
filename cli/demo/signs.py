"""Road signs drawn by code: turned, tilted, shaded, partly covered, on cluttered and noisy backgrounds.

Shapes are given in units of the sign's radius, centre (0, 0), y downwards.
"""

import math
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

SIDE = 40  # pixels of a finished image
_SCALE = 3  # drawn this much larger, then scaled down: smooth edges
_CANVAS = SIDE * _SCALE

Colour = tuple[int, int, int]
Point = tuple[float, float]

_RED: Colour = (196, 32, 40)
_BLUE: Colour = (24, 82, 164)
_YELLOW: Colour = (244, 190, 24)
_WHITE: Colour = (240, 240, 236)
_BLACK: Colour = (28, 28, 30)


class _Brush:
    """Draws on a square transparent layer of `2 * radius` pixels, each colour a little off."""

    def __init__(self, radius: int, generator: np.random.Generator) -> None:
        self.layer = Image.new("RGBA", (2 * radius, 2 * radius))
        self._draw = ImageDraw.Draw(self.layer)
        self._radius = radius
        self._generator = generator
        self._shift = generator.normal(0, 14, 3)

    def polygon(self, colour: Colour, points: list[Point]) -> None:
        self._draw.polygon([self._pixel(p) for p in points], fill=self._faded(colour))

    def disc(self, colour: Colour, radius: float) -> None:
        self._draw.ellipse([self._pixel((-radius, -radius)), self._pixel((radius, radius))], fill=self._faded(colour))

    def box(self, colour: Colour, left: float, top: float, right: float, bottom: float) -> None:
        self._draw.rectangle([self._pixel((left, top)), self._pixel((right, bottom))], fill=self._faded(colour))

    def text(self, colour: Colour, text: str, size: float) -> None:
        font = ImageFont.load_default(size * self._radius)
        self._draw.text(self._pixel((0, 0)), text, fill=self._faded(colour), font=font, anchor="mm", stroke_width=1)

    def _pixel(self, point: Point) -> Point:
        return (self._radius * (1 + point[0]), self._radius * (1 + point[1]))

    def _faded(self, colour: Colour) -> Colour:
        return _clipped(np.array(colour) + self._shift)


def _ring(corners: int, radius: float, turn: float) -> list[Point]:
    """The corners of a regular polygon, the first `turn` degrees from straight up."""
    angles = [math.radians(turn - 90 + 360 * i / corners) for i in range(corners)]
    return [(radius * math.cos(a), radius * math.sin(a)) for a in angles]


def _stop(brush: _Brush, generator: np.random.Generator) -> None:
    brush.polygon(_WHITE, _ring(8, 1.0, 22.5))
    brush.polygon(_RED, _ring(8, 0.9, 22.5))
    brush.text(_WHITE, "STOP", 0.62)


def _yield(brush: _Brush, generator: np.random.Generator) -> None:
    brush.polygon(_RED, _ring(3, 1.0, 180))
    brush.polygon(_WHITE, _ring(3, 0.62, 180))


def _no_entry(brush: _Brush, generator: np.random.Generator) -> None:
    brush.disc(_RED, 0.95)
    brush.box(_WHITE, -0.65, -0.18, 0.65, 0.18)


def _priority_road(brush: _Brush, generator: np.random.Generator) -> None:
    brush.polygon(_WHITE, _ring(4, 1.0, 0))
    brush.polygon(_YELLOW, _ring(4, 0.72, 0))


def _ahead_only(brush: _Brush, generator: np.random.Generator) -> None:
    brush.disc(_BLUE, 0.95)
    brush.box(_WHITE, -0.12, -0.3, 0.12, 0.65)
    brush.polygon(_WHITE, [(0, -0.7), (0.42, -0.22), (-0.42, -0.22)])


def _parking(brush: _Brush, generator: np.random.Generator) -> None:
    brush.box(_BLUE, -0.8, -0.8, 0.8, 0.8)
    brush.text(_WHITE, "P", 1.3)


def _warning(brush: _Brush, generator: np.random.Generator) -> None:
    brush.polygon(_RED, _ring(3, 1.0, 0))
    brush.polygon(_WHITE, _ring(3, 0.66, 0))
    brush.box(_BLACK, -0.07, -0.3, 0.07, 0.08)
    brush.box(_BLACK, -0.07, 0.16, 0.07, 0.28)


def _speed_limit(brush: _Brush, generator: np.random.Generator) -> None:
    brush.disc(_RED, 0.95)
    brush.disc(_WHITE, 0.7)
    brush.text(_BLACK, str(generator.choice([30, 50, 60, 80, 90])), 0.85)


_DRAWERS: dict[str, Callable[[_Brush, np.random.Generator], None]] = {
    "ahead-only": _ahead_only,
    "no-entry": _no_entry,
    "parking": _parking,
    "priority-road": _priority_road,
    "speed-limit": _speed_limit,
    "stop": _stop,
    "warning": _warning,
    "yield": _yield,
}
SIGNS = tuple(_DRAWERS)


def draw_sign(name: str, generator: np.random.Generator) -> Image.Image:
    """One RGB image of SIDE x SIDE pixels; `name` is one of SIGNS."""
    canvas = _background(generator)
    sign = _placed(name, generator)
    left, top = (_centred(sign.width, generator), _centred(sign.height, generator))
    canvas.paste(sign, (left, top), sign)
    _cover(canvas, generator)
    return _photographed(canvas, generator)


def _placed(name: str, generator: np.random.Generator) -> Image.Image:
    radius = int(_CANVAS * generator.uniform(0.26, 0.44))
    brush = _Brush(radius, generator)
    _DRAWERS[name](brush, generator)
    squeezed = brush.layer.resize((int(2 * radius * generator.uniform(0.72, 1.0)), 2 * radius))
    return squeezed.rotate(generator.uniform(-22, 22), Image.Resampling.BICUBIC, expand=True)


def _centred(size: int, generator: np.random.Generator) -> int:
    return int((_CANVAS - size) / 2 + generator.uniform(-0.09, 0.09) * _CANVAS)


def _background(generator: np.random.Generator) -> Image.Image:
    """A gradient from sky to ground with shapes in the signs' own colours on it, so that colour alone tells little."""
    top, bottom = generator.uniform(30, 230, (2, 3))
    rows = np.linspace(top, bottom, _CANVAS)[:, None, :].repeat(_CANVAS, axis=1)
    canvas = Image.fromarray(rows.astype(np.uint8))
    draw = ImageDraw.Draw(canvas)
    palette = np.array([_RED, _BLUE, _YELLOW, _WHITE, _BLACK, (70, 110, 60), (130, 110, 90)])
    for _ in range(int(generator.integers(3, 8))):
        colour = _clipped(generator.choice(palette) + generator.normal(0, 24, 3))
        corners = generator.uniform(-0.2, 1.2, (int(generator.integers(3, 5)), 2)) * _CANVAS
        draw.polygon([(float(x), float(y)) for x, y in corners], fill=colour)
    return canvas


def _cover(canvas: Image.Image, generator: np.random.Generator) -> None:
    """Sometimes a branch or a pole in front of the sign."""
    if generator.random() < 0.35:
        ends = [(float(x), float(y)) for x, y in generator.uniform(0, 1, (2, 2)) * _CANVAS]
        width = int(_CANVAS * generator.uniform(0.03, 0.09))
        ImageDraw.Draw(canvas).line(ends, fill=_clipped(generator.uniform(20, 140, 3)), width=width)


def _photographed(canvas: Image.Image, generator: np.random.Generator) -> Image.Image:
    """Blur, light and sensor noise, at the finished size."""
    blurred = canvas.filter(ImageFilter.GaussianBlur(generator.uniform(0, 1.0) * _SCALE))
    pixels = np.asarray(blurred.resize((SIDE, SIDE), Image.Resampling.BOX), dtype=np.float64)
    lit = pixels * generator.uniform(0.5, 1.15) + generator.uniform(-15, 25)
    noisy = lit + generator.normal(0, generator.uniform(2, 14), pixels.shape)
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def _clipped(colour: np.ndarray) -> Colour:
    red, green, blue = (int(v) for v in colour.clip(0, 255))
    return (red, green, blue)
