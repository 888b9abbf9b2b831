/**
 * The second tab's controls as they are at first: kernels by name, and the markup.
 */
import { BUILT_IN } from './kernels_pictures.js';

/** name: [numbers row by row, divisor, bias, how its result is best seen] */
export const PRESETS = {
  identity: [[0, 0, 0, 0, 1, 0, 0, 0, 0], 1, 0, 'clipped'],
  'blur 3×3': [[1, 1, 1, 1, 1, 1, 1, 1, 1], 9, 0, 'clipped'],
  'blur 5×5 (Gaussian)': [
    [1, 4, 6, 4, 1, 4, 16, 24, 16, 4, 6, 24, 36, 24, 6, 4, 16, 24, 16, 4, 1, 4, 6, 4, 1],
    256,
    0,
    'clipped',
  ],
  sharpen: [[0, -1, 0, -1, 5, -1, 0, -1, 0], 1, 0, 'clipped'],
  'Sobel x': [[-1, 0, 1, -2, 0, 2, -1, 0, 1], 1, 0, 'signed'],
  'Sobel y': [[-1, -2, -1, 0, 0, 0, 1, 2, 1], 1, 0, 'signed'],
  'Laplace, 4 neighbours': [[0, 1, 0, 1, -4, 1, 0, 1, 0], 1, 0, 'signed'],
  'Laplace, 8 neighbours': [[1, 1, 1, 1, -8, 1, 1, 1, 1], 1, 0, 'signed'],
  '8 in the middle': [[-1, -1, -1, -1, 8, -1, -1, -1, -1], 1, 0, 'clipped'],
  '4 with a cross of 1': [[0, 1, 0, 1, 4, 1, 0, 1, 0], 1, 0, 'stretched'],
  emboss: [[-2, -1, 0, -1, 1, 1, 0, 1, 2], 1, 0, 'clipped'],
};

/** Of a kernel that none of these is. */
export const OWN = 'my own';

const options = (names, chosen) =>
  names.map((n) => `<option${n === chosen ? ' selected' : ''}>${n}</option>`).join('');
const select = (id, label, names, chosen) =>
  `<label class="choice"><span>${label}</span> <select id="k-${id}">${options(names, chosen)}</select></label>`;
const whole = (id, label, value) =>
  `<label class="choice"><span>${label}</span>
    <input id="k-${id}" type="number" inputmode="numeric" min="1" max="16" value="${value}"></label>`;
const number = (id, label, value) =>
  `<label class="choice"><span>${label}</span>
    <input id="k-${id}" type="number" inputmode="decimal" step="any" value="${value}"></label>`;

export const MARKUP = `
  <div class="panel-head">
    <h2>One kernel</h2>
    <p>Every pixel of the result is the sum of a patch of the picture times the kernel. Change any
      number, and point at the result to see a sum.</p>
  </div>
  <p id="k-message" class="k-message" role="alert"></p>
  <div class="k-studio">
    <figure class="k-picture">
      <figcaption><h3>Before</h3><span id="k-before-size"></span></figcaption>
      <div class="k-frame">
        <canvas id="k-before" role="img" aria-label="The picture, padded"></canvas>
        <canvas id="k-before-over" class="k-over" aria-hidden="true"></canvas>
      </div>
      <div class="tools">
        ${select('picture', 'Picture', Object.keys(BUILT_IN), 'house')}
        <span class="file"><label class="button" for="k-file">Open…</label><input id="k-file" type="file" accept="image/*"></span>
        <button id="k-camera" type="button" aria-pressed="false">Camera</button>
      </div>
      <div class="tools">
        ${select('side', 'Longer side', ['32', '64', '160', '320', '640'], '320')}
        ${select('colour', 'Channels', ['grey', 'colour'], 'grey')}
      </div>
    </figure>
    <form class="k-kernel card" onsubmit="return false">
      <h3>Kernel</h3>
      ${select('preset', 'Preset', [...Object.keys(PRESETS), OWN], 'Sobel x')}
      ${select('size', 'Size', ['3×3', '5×5'], '3×3')}
      <div id="k-grid" class="k-grid" role="group" aria-label="Numbers of the kernel"></div>
      <div class="tools">${number('divisor', 'divided by', 1)} ${number('bias', 'plus', 0)}</div>
    </form>
    <figure class="k-picture">
      <figcaption><h3>After</h3><span id="k-after-size"></span></figcaption>
      <div class="k-frame">
        <canvas id="k-after" tabindex="0" role="application" aria-label="The result: arrow keys choose a pixel"></canvas>
        <canvas id="k-after-over" class="k-over" aria-hidden="true"></canvas>
      </div>
      <div class="tools">
        ${select('view', 'Shown', ['clipped', 'stretched', 'absolute', 'signed'], 'signed')}
        <span id="k-view-note" class="hint"></span>
      </div>
      <p id="k-average"></p>
      <p id="k-time" class="hint"></p>
    </figure>
  </div>
  <div class="k-settings">
    <fieldset class="card"><legend>Convolution</legend>
      ${select('padding', 'Padding', ['valid', 'same', 'full'], 'same')}
      ${select('border', 'Border', ['zeros', 'reflect', 'replicate'], 'zeros')}
      ${whole('stride', 'Stride', 1)}
      ${whole('dilation', 'Dilation', 1)}
    </fieldset>
    <fieldset class="card"><legend>After it</legend>
      <label class="choice k-check"><input id="k-relu" type="checkbox"> ReLU</label>
      ${select('pool', 'Pool', ['none', 'max', 'average'], 'none')}
      ${whole('pool-size', 'Window', 2)}
      ${whole('pool-stride', 'Stride', 2)}
    </fieldset>
    <section class="card k-sizes" aria-labelledby="k-sizes-title">
      <h3 id="k-sizes-title">Sizes</h3>
      <p class="hint">⌊(size + 2·padding − dilation·(kernel − 1) − 1) / stride⌋ + 1</p>
      <dl id="k-formulas"></dl>
    </section>
  </div>
  <section class="card k-pixel" aria-labelledby="k-pixel-title">
    <h3 id="k-pixel-title">One pixel, number by number</h3>
    <div id="k-plane-row" hidden>${select('plane', 'Numbers of', ['red', 'green', 'blue'], 'green')}</div>
    <div id="k-numbers" class="sum" aria-live="polite"></div>
  </section>`;
