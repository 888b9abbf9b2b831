/**
 * Shows the sum that makes a unit's value, number by number (explain.js finds the numbers).
 */
import { colourOf, range, scaleOf } from './colours.js';
import { beforeFlatten, convolution, linear, pooling, positionOf } from './explain.js';

const SPELT_OUT = 3; // input channels whose numbers are shown at once
const TERMS = 12; // of a linear layer, likewise

/** An element with children, which may be strings. */
export function element(tag, attributes = {}, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
  e.append(...children);
  return e;
}

/** In few characters: .08 is 0.08. */
export function number(value) {
  if (Number.isInteger(value)) return String(value).replace('-', '\u2212');
  const size = Math.abs(value);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 3;
  return value
    .toFixed(digits)
    .replace(/^(-?)0\./, '$1.')
    .replace('-', '\u2212');
}

/** A count, with its thousands apart. */
export function whole(count) {
  return count.toLocaleString('en');
}

/** With more digits, for results. */
export function exact(value) {
  return value.toFixed(4).replace('-', '\u2212');
}

/** Numbers in rows and columns, each on the colour that it has in a map. */
export function grid(values, columns, scale, label, best = -1) {
  const cells = values.map((v, i) => {
    const cell = element(
      'span',
      { class: i === best ? 'cell best' : 'cell' },
      v === null ? '·' : number(v),
    );
    if (v !== null) {
      const { css, bright } = colourOf(v, scale);
      cell.style.background = css;
      cell.style.color = bright ? '#000' : '#fff';
    }
    return cell;
  });
  const box = element(
    'span',
    { class: 'grid', role: 'img', 'aria-label': `${label}: ${values.map(spoken).join(', ')}` },
    ...cells,
  );
  box.style.gridTemplateColumns = `repeat(${columns}, 1fr)`;
  return element('figure', { class: 'grid-figure' }, box, element('figcaption', {}, label));
}

function spoken(v) {
  return v === null ? 'outside' : number(v);
}

export function sign(text) {
  return element('span', { class: 'sign', 'aria-hidden': 'true' }, text);
}

function line(...children) {
  return element('p', { class: 'sum-line' }, ...children);
}

function strong(text) {
  return element('strong', {}, text);
}

// --- the kinds of layers ------------------------------------------------------------------------

/** One input channel of a convolution: patch x filter = products, and their sum. */
function channelRow(term, sum, scales, several) {
  const products = term.patch.map((v, i) => (v === null ? null : v * term.filter[i]));
  return element(
    'div',
    { class: 'product' },
    element('span', { class: 'product-name' }, several ? `Channel ${term.channel}` : 'The image'),
    grid(term.patch, sum.columns, scales.patch, 'patch'),
    sign('×'),
    grid(term.filter, sum.columns, scales.filter, 'filter'),
    sign('='),
    grid(products, sum.columns, scales.product, 'products'),
    element('span', { class: 'product-sum' }, '∑ ', strong(exact(term.sum))),
  );
}

function scalesOf(terms) {
  const all = (pick) => scaleOf(range(terms.flatMap(pick).filter((v) => v !== null)));
  const filter = range(terms.flatMap((t) => t.filter));
  return {
    patch: all((t) => t.patch),
    filter: scaleOf({ low: Math.min(filter.low, -1e-9), high: filter.high }),
    product: all((t) => t.patch.map((v, i) => (v ?? 0) * t.filter[i])),
  };
}

function showConvolution(view) {
  const sum = convolution(view.layer, view.input, view.weight, view.bias, view.unit);
  const several = sum.terms.length > 1;
  const scales = scalesOf(sum.terms);
  const rows = (terms) => terms.map((t) => channelRow(t, sum, scales, several));
  const parts = rows(sum.terms.slice(0, SPELT_OUT));
  if (sum.terms.length > SPELT_OUT) {
    const rest = sum.terms.slice(SPELT_OUT);
    const total = rest.reduce((s, t) => s + t.sum, 0);
    const more = element(
      'details',
      { class: 'more' },
      element('summary', {}, `${rest.length} more channels: ∑ ${exact(total)}`),
    );
    more.addEventListener('toggle', () => more.append(...rows(rest)), { once: true });
    parts.push(more);
  }
  const sums = exact(sum.total - sum.bias);
  parts.push(
    line(
      `${several ? 'All channels' : 'Sum'} ${sums} + bias ${exact(sum.bias)} = `,
      strong(exact(sum.total)),
    ),
  );
  return parts;
}

function showPooling(view) {
  const pool = pooling(view.layer, view.input, view.unit);
  const scale = scaleOf(range(view.input.values));
  return [
    element(
      'div',
      { class: 'product' },
      grid(pool.patch, pool.columns, scale, 'window', pool.best),
    ),
    line('The largest of them: ', strong(exact(pool.total))),
  ];
}

/** What an input of a linear layer is called. */
function inputName(view, index) {
  if (view.before?.kind !== 'Flatten') return `unit ${index}`;
  const { channel, y, x } = beforeFlatten(view.network, view.index - 1, index);
  return channel === undefined ? `unit ${index}` : `map ${channel} at (${x}, ${y})`;
}

function showLinear(view) {
  const sum = linear(view.input, view.weight, view.bias, view.unit, TERMS);
  const cells = (tag, texts) =>
    texts.map((t) => element(tag, tag === 'th' ? { scope: 'col' } : {}, t));
  const head = element(
    'thead',
    {},
    element('tr', {}, ...cells('th', ['Input', 'Value', 'Weight', 'Product'])),
  );
  const body = element(
    'tbody',
    {},
    ...sum.terms.map((t) =>
      element(
        'tr',
        {},
        ...cells('td', [
          inputName(view, t.index),
          number(t.value),
          number(t.weight),
          exact(t.product),
        ]),
      ),
    ),
  );
  const parts = [
    element(
      'table',
      { class: 'terms' },
      element(
        'caption',
        {},
        `The ${sum.terms.length} largest of ${whole(view.input.values.length)} terms`,
      ),
      head,
      body,
    ),
  ];
  if (sum.others > 0)
    parts.push(line(`The other ${whole(sum.others)} terms: ∑ ${exact(sum.rest)}`));
  parts.push(
    line(
      `All terms ${exact(sum.total - sum.bias)} + bias ${exact(sum.bias)} = `,
      strong(exact(sum.total)),
    ),
  );
  if (view.last) parts.push(softmaxLine(view));
  return parts;
}

/** From the last layer's number to the class's probability. */
function softmaxLine(view) {
  const values = Array.from(view.output.values);
  const most = Math.max(...values);
  const parts = values.map((v) => Math.exp(v - most));
  const p = parts[view.unit.index] / parts.reduce((a, b) => a + b, 0);
  const z = exact(view.output.values[view.unit.index]);
  const name = strong(view.network.classes[view.unit.index]);
  return line(
    'Softmax: e',
    element('sup', {}, z),
    ' over the sum of all ten = ',
    strong(exact(p)),
    ', the bar of ',
    name,
  );
}

function showRelu(view) {
  const before = view.input.values[positionOf(view.input.shape, view.unit)];
  return [line(`max(0, ${exact(before)}) = `, strong(exact(Math.max(0, before))))];
}

function showFlatten(view) {
  const { channel, y, x } = beforeFlatten(view.network, view.index, view.unit.index);
  return [
    line(
      `Number ${view.unit.index} is map ${channel} at (${x}, ${y}): nothing is computed, `,
      'the maps are laid out in a row.',
    ),
  ];
}

function showDropout(view) {
  return [
    line(
      `While predicting, dropout hands everything on: `,
      strong(exact(view.value)),
      '. In training it sets a part at random to 0, and enlarges the rest.',
    ),
  ];
}

function showInput(view) {
  const { mean, std } = view.network;
  const pixel = view.value * std + mean;
  return [
    line(`(pixel ${exact(pixel)} − mean ${mean}) / deviation ${std} = `, strong(exact(view.value))),
  ];
}

const SHOW = {
  Input: showInput,
  Conv2d: showConvolution,
  ReLU: showRelu,
  MaxPool2d: showPooling,
  Dropout: showDropout,
  Flatten: showFlatten,
  Linear: showLinear,
};

/**
 * @param view { network, index, layer, before, last, input, output, weight, bias, unit, value }
 * @returns elements to show
 */
export function showSum(view) {
  return (SHOW[view.layer.kind] ?? (() => []))(view);
}
