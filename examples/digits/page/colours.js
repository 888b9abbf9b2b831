/**
 * Numbers as colours: one map from paper to ink for numbers without a sign, another from blue over
 * paper to the accent for those with one. Both follow the page's light or dark theme.
 */
const MAPS = {
  light: {
    rising: ['#fbf8f3', '#f7d9bd', '#ec9a62', '#c2501b', '#6b2408', '#2a0d02'],
    grey: ['#000000', '#ffffff'],
    diverging: ['#123a66', '#3f7fbf', '#b3d0ea', '#fbf8f3', '#f2c39d', '#d0622a', '#7a2a0a'],
  },
  dark: {
    rising: ['#17150f', '#43230f', '#8a3e14', '#d9692a', '#f8b27c', '#fff3e2'],
    grey: ['#000000', '#ffffff'],
    diverging: ['#9fd0ff', '#4a90d9', '#1f4468', '#17150f', '#6b3114', '#e07b3e', '#ffd3ac'],
  },
};

const LEVELS = 256;
const tables = {};

function parse(colour) {
  return [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));
}

/** LEVELS colours as 32-bit pixels, between stops that stand at equal distances. */
function table(stops) {
  const colours = stops.map(parse);
  const pixels = new Uint32Array(LEVELS);
  for (let i = 0; i < LEVELS; i++) {
    const at = (i / (LEVELS - 1)) * (colours.length - 1);
    const k = Math.min(Math.floor(at), colours.length - 2);
    const [r, g, b] = colours[k].map((c, j) => c + (at - k) * (colours[k + 1][j] - c));
    pixels[i] = ((255 << 24) | (Math.round(b) << 16) | (Math.round(g) << 8) | Math.round(r)) >>> 0;
  }
  return pixels;
}

function isDark() {
  return document.documentElement.dataset.theme === 'dark';
}

function tableOf(kind) {
  const name = `${isDark() ? 'dark' : 'light'}-${kind}`;
  tables[name] ??= table(MAPS[isDark() ? 'dark' : 'light'][kind]);
  return tables[name];
}

/** A map as a CSS gradient, for the legend. */
export function gradient(kind) {
  return `linear-gradient(to right, ${MAPS[isDark() ? 'dark' : 'light'][kind].join(', ')})`;
}

/** The least and the largest number. */
export function range(values) {
  let low = Infinity;
  let high = -Infinity;
  for (const v of values) {
    if (v < low) low = v;
    if (v > high) high = v;
  }
  return { low, high };
}

/**
 * How numbers from low to high become colours: with a sign symmetrically about 0, without one from
 * the least to the largest.
 */
export function scaleOf({ low, high }) {
  const signed = low < 0;
  const reach = Math.max(-low, high);
  const from = signed ? -reach : low;
  const to = signed ? reach : high;
  return {
    from,
    factor: to > from ? (LEVELS - 1) / (to - from) : 0,
    kind: signed ? 'diverging' : 'rising',
  };
}

/** A canvas of width x height shows as many numbers, a pixel each. */
export function paint(canvas, values, width, height, scale) {
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const context = canvas.getContext('2d');
  const image = context.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const colours = tableOf(scale.kind);
  for (let i = 0; i < pixels.length; i++) {
    pixels[i] = colours[level(values[i], scale)];
  }
  context.putImageData(image, 0, 0);
}

function level(value, scale) {
  if (scale.factor === 0) return scale.kind === 'diverging' ? LEVELS >> 1 : 0;
  return Math.min(Math.max(Math.round((value - scale.from) * scale.factor), 0), LEVELS - 1);
}

/** Luminance as WCAG has it, from 0 to 1. */
function luminance(rgb) {
  const linear = rgb.map((c) => (c > 10 ? ((c / 255 + 0.055) / 1.055) ** 2.4 : c / 255 / 12.92));
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
}

/** The colour of one number, and whether black text stands out from it better than white. */
export function colourOf(value, scale) {
  const pixel = tableOf(scale.kind)[level(value, scale)];
  const rgb = [pixel & 255, (pixel >> 8) & 255, (pixel >> 16) & 255];
  return { css: `rgb(${rgb.join(' ')})`, bright: luminance(rgb) > 0.179 };
}
