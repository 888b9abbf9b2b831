/**
 * The numbers behind one pixel of a kernel's result, and the formulas of its sizes.
 */
import { range, scaleOf } from './colours.js';
import { element, grid, sign } from './sums.js';

/** The scale of pixels: 0 is black, 255 white, in either theme. */
const GREY = { from: 0, factor: 1, kind: 'grey' };

/** At most two digits behind the point, and none that say nothing. */
export function short(value) {
  const text =
    Math.abs(value) >= 1e6 ? value.toExponential(2) : String(Math.round(value * 100) / 100);
  return text.replace('-', '−');
}

export function paddingOf(chain) {
  const reach = chain.dilation * (chain.kernel - 1);
  return { valid: 0, same: Math.floor(reach / 2), full: reach }[chain.padding];
}

/** Formula of one dimension with its numbers; `out` is what the library says it comes to. */
export function convolutionFormula(size, chain, out) {
  const p = paddingOf(chain);
  return `⌊(${size} + 2·${p} − ${chain.dilation}·(${chain.kernel} − 1) − 1) / ${chain.stride}⌋ + 1 = ${out}`;
}

export function poolFormula(size, chain, out) {
  return `⌊(${size} − ${chain.poolSize}) / ${chain.poolStride}⌋ + 1 = ${out}`;
}

/** What the pixel (row, column) of the convolution was made from: { top, left, side } of the patch in
 * the padded picture, taps[] of { row, column, value, weight, product }, and the sum of products. */
export function traceConvolution(maps, chain, entered, plane, row, column) {
  const { padded } = maps;
  const top = row * chain.stride;
  const left = column * chain.stride;
  const taps = [];
  for (let i = 0; i < chain.kernel; i++)
    for (let j = 0; j < chain.kernel; j++) {
      const at = { row: top + i * chain.dilation, column: left + j * chain.dilation };
      const value = valueAt(padded, plane, at.row, at.column);
      const weight = entered[i * chain.kernel + j];
      taps.push({ ...at, value, weight, product: value * weight });
    }
  return {
    top,
    left,
    side: chain.dilation * (chain.kernel - 1) + 1,
    taps,
    sum: taps.reduce((sum, tap) => sum + tap.product, 0),
  };
}

/** The window of the convolution's map that a pixel of the result pools, or null without a pool:
 * { top, left, side, values[], best } with the index of its first maximum. */
export function tracePool(maps, chain, plane, row, column) {
  if (chain.pool === 'none') return null;
  const { convolved } = maps;
  const [top, left] = [row * chain.poolStride, column * chain.poolStride];
  const values = [];
  for (let i = 0; i < chain.poolSize; i++)
    for (let j = 0; j < chain.poolSize; j++)
      values.push(
        convolved.data[(plane * convolved.height + top + i) * convolved.width + left + j],
      );
  return { top, left, side: chain.poolSize, values, best: values.indexOf(Math.max(...values)) };
}

function valueAt(map, plane, row, column) {
  return map.data[(plane * map.height + row) * map.width + column];
}

/** Patch x kernel = products, each as a square of numbers. */
function productOf(trace, kernel, border, outside) {
  const shown = (pick) =>
    trace.taps.map((tap) => (border === 'zeros' && outside(tap) ? null : pick(tap)));
  const weights = trace.taps.map((tap) => tap.weight);
  const products = shown((tap) => tap.product);
  const signed = (values) => {
    const { low, high } = range(values.filter((v) => v !== null));
    return scaleOf({ low: Math.min(low, -1e-9), high: Math.max(high, 0) });
  };
  return element(
    'div',
    { class: 'product' },
    grid(
      shown((tap) => tap.value),
      kernel,
      GREY,
      'patch',
    ),
    sign('×'),
    grid(weights, kernel, signed(weights), 'kernel'),
    sign('='),
    grid(products, kernel, signed(products), 'products'),
  );
}

/** From the sum of products to the pixel: divisor, bias, ReLU. */
function sumLine(trace, chain, divisor, value) {
  const divided = divisor === 1 ? '' : ` ÷ ${short(divisor)}`;
  const shifted = chain.bias === 0 ? '' : ` + ${short(chain.bias)}`;
  const linear = `${short(trace.sum)}${divided}${shifted}`;
  const terms = chain.relu ? `max(0, ${linear})` : linear;
  const result = short(value);
  const before = terms === result ? 'Sum: ' : `Sum: ${terms} = `;
  return element('p', { class: 'sum-line' }, before, element('strong', {}, result));
}

function poolParts(pool, chain, value, chosen, place) {
  const words = { max: 'The largest of the window', average: 'The average of the window' }[
    chain.pool
  ];
  const best = chain.pool === 'max' ? chosen : -1;
  const scale = scaleOf(range(pool.values));
  return [
    element('div', { class: 'product' }, grid(pool.values, pool.side, scale, 'window', best)),
    element(
      'p',
      { class: 'sum-line' },
      `${words}: `,
      element('strong', {}, short(value)),
      `. ${place} of the convolution:`,
    ),
  ];
}

/**
 * Fills `box` with the numbers of the pixel (row, column) of a plane of the result.
 *
 * @param settings { chain, entered, divisor }: see kernels.js
 * @returns {{patch, window}} what to frame in the padded picture and in the convolution's map
 */
export function showNumbers(box, maps, { chain, entered, divisor }, plane, row, column) {
  const pool = tracePool(maps, chain, plane, row, column);
  const chosen = pool && chain.pool === 'max' ? pool.best : 0;
  const r = pool ? pool.top + Math.floor(chosen / pool.side) : row;
  const c = pool ? pool.left + (chosen % pool.side) : column;
  const trace = traceConvolution(maps, chain, entered, plane, r, c);
  const { convolved, result, padded } = maps;
  const p = paddingOf(chain);
  const outside = (tap) =>
    tap.row < p || tap.column < p || tap.row >= padded.height - p || tap.column >= padded.width - p;
  const parts = [element('h4', {}, `Row ${row}, column ${column}`)];
  if (pool) {
    const place = `Row ${r}, column ${c}`;
    parts.push(...poolParts(pool, chain, valueAt(result, plane, row, column), chosen, place));
  }
  parts.push(productOf(trace, chain.kernel, chain.border, outside));
  parts.push(sumLine(trace, chain, divisor, valueAt(convolved, plane, r, c)));
  box.replaceChildren(...parts);
  return { patch: trace, window: pool };
}
