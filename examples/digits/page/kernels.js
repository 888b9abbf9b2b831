/**
 * The second tab: a picture or the camera through one kernel that is edited in number fields. The
 * library computes maps and sizes (kernels_library.js); this file has the controls.
 */
import { draw, frame } from './kernels_drawing.js';
import { KernelLibrary } from './kernels_library.js';
import { MARKUP, OWN, PRESETS } from './kernels_markup.js';
import {
  convolutionFormula,
  paddingOf,
  poolFormula,
  short,
  showNumbers,
} from './kernels_numbers.js';
import { Camera, builtIn, fromFile, shrunk, toPlanes } from './kernels_pictures.js';
import { element } from './sums.js';

const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
const LARGEST = 1e6; // of a kernel's numbers
const [SEEN, POOLED, INSIDE] = ['#ffb000', '#ff6ec7', '#8ab4f8']; // frames on the pictures

const VIEW_NOTES = {
  clipped: 'below 0 black, above 255 white',
  stretched: 'the lowest black, the highest white',
  absolute: 'the sign left out',
  signed: 'blue below 0, orange above; of colours grey is 0',
};

function box(top, left, height, width, colour) {
  return { top, left, height, width, colour };
}

export class KernelTab {
  /** @param root an empty element; @param library the page's WebAssembly */
  constructor(root, library) {
    this.root = root;
    root.innerHTML = MARKUP;
    this.library = new KernelLibrary(library);
    this.camera = new Camera();
    this.source = null; // a drawable with width and height, or null for a built-in picture
    this.pixel = { row: 120, column: 115 }; // of the result
    this.preset('Sobel x');
    this.listen();
    this.load();
  }

  at(id) {
    return this.root.querySelector(`#k-${id}`);
  }

  say(message) {
    this.at('message').textContent = message;
  }

  // --- the controls --------------------------------------------------------------------------

  grid(side) {
    const cells = [];
    for (let i = 1; i <= side; i++)
      for (let j = 1; j <= side; j++)
        cells.push(
          `<input type="number" step="any" inputmode="decimal" value="0" aria-label="row ${i}, column ${j}">`,
        );
    this.at('grid').innerHTML = cells.join('');
    this.at('grid').style.setProperty('--side', side);
    this.at('size').value = `${side}×${side}`;
  }

  cells() {
    return [...this.at('grid').children];
  }

  preset(name) {
    const [numbers, divisor, bias, view] = PRESETS[name];
    this.grid(Math.sqrt(numbers.length));
    this.cells().forEach((cell, i) => (cell.value = numbers[i]));
    this.at('divisor').value = divisor;
    this.at('bias').value = bias;
    this.at('view').value = view;
  }

  /** Another size with the same numbers in the middle. */
  resize(side) {
    const before = this.cells().map((cell) => cell.value);
    const old = Math.sqrt(before.length);
    this.grid(side);
    const shift = (side - old) / 2;
    this.cells().forEach((cell, at) => {
      const [i, j] = [Math.floor(at / side) - shift, (at % side) - shift];
      if (i >= 0 && j >= 0 && i < old && j < old) cell.value = before[i * old + j];
    });
  }

  /** The number of a field; an Error in words when it is none that will do. */
  numberOf(field, name = field.closest('label').textContent.trim()) {
    const value = field.valueAsNumber;
    const whole = field.step !== 'any';
    const low = whole ? Number(field.min) : -LARGEST;
    const high = whole ? Number(field.max) : LARGEST;
    const sound = value >= low && value <= high && (!whole || Number.isInteger(value));
    field.setAttribute('aria-invalid', String(!sound));
    if (!sound)
      throw new Error(`${name}: a ${whole ? 'whole ' : ''}number from ${low} to ${high}, please.`);
    return value;
  }

  /**
   * What the fields say: the chain as kernels_library.js wants it, and the kernel's numbers before
   * they are divided. An Error in words when a field will not do.
   */
  settings() {
    const number = (id) => this.numberOf(this.at(id));
    const entered = this.cells().map((cell) =>
      this.numberOf(cell, cell.getAttribute('aria-label')),
    );
    const divisor = number('divisor');
    if (divisor === 0) throw new Error('divided by: any number but 0, please.');
    const chain = {
      kernel: Math.sqrt(entered.length),
      weights: Float32Array.from(entered, (v) => v / divisor),
      bias: number('bias'),
      padding: this.at('padding').value,
      border: this.at('border').value,
      stride: number('stride'),
      dilation: number('dilation'),
      relu: this.at('relu').checked,
      pool: this.at('pool').value,
      poolSize: number('pool-size'),
      poolStride: number('pool-stride'),
    };
    return { chain, entered, divisor };
  }

  listen() {
    this.root.addEventListener('input', ({ target }) => {
      if (target.type !== 'file') this.changed(target);
    });
    this.listenToPictures();
    this.listenToPixels();
  }

  changed(field) {
    const id = field.id.slice('k-'.length);
    if (id === 'preset' && field.value !== OWN) this.preset(field.value);
    if (id === 'size') this.resize(field.value === '5×5' ? 5 : 3);
    if (['', 'size', 'divisor', 'bias'].includes(id)) this.at('preset').value = OWN;
    if (id === 'picture') {
      this.stop();
      this.source = null;
    }
    if (['picture', 'side', 'colour'].includes(id)) this.load();
    else this.update();
  }

  listenToPictures() {
    this.at('file').addEventListener('change', (e) => {
      if (e.target.files.length) this.open(e.target.files[0]);
      e.target.value = '';
    });
    this.root.addEventListener('dragover', (e) => e.preventDefault());
    this.root.addEventListener('drop', (e) => {
      e.preventDefault();
      e.stopPropagation();
      if (e.dataTransfer.files.length) this.open(e.dataTransfer.files[0]);
    });
    this.at('camera').addEventListener('click', () => (this.camera.on ? this.stop() : this.film()));
    document.addEventListener('visibilitychange', () => document.hidden && this.stop());
  }

  // --- pictures ------------------------------------------------------------------------------

  side() {
    return Number(this.at('side').value);
  }

  load() {
    this.show(
      this.source
        ? shrunk(this.source, this.source.width, this.source.height, this.side())
        : builtIn(this.at('picture').value, this.side()),
    );
  }

  async open(file) {
    try {
      const bitmap = await fromFile(file);
      this.stop();
      this.say('');
      this.source = bitmap;
      this.load();
    } catch (error) {
      this.say(error.message);
    }
  }

  async film() {
    this.say('');
    try {
      await this.camera.start((video) =>
        this.show(shrunk(video, video.videoWidth, video.videoHeight, this.side())),
      );
      this.at('camera').setAttribute('aria-pressed', 'true');
      this.at('numbers').setAttribute('aria-live', 'off'); // they change with every picture
      this.at('camera').textContent = 'Stop the camera';
    } catch (error) {
      this.say(error.message);
    }
  }

  stop() {
    if (!this.camera.on) return;
    this.camera.stop();
    this.at('camera').setAttribute('aria-pressed', 'false');
    this.at('numbers').setAttribute('aria-live', 'polite');
    this.at('camera').textContent = 'Camera';
  }

  // --- results -------------------------------------------------------------------------------

  show(canvas) {
    this.picture = toPlanes(canvas, this.at('colour').value === 'colour');
    this.update();
  }

  update() {
    this.maps = null;
    try {
      this.current = this.settings();
      const start = performance.now();
      const maps = this.library.run(this.current.chain, this.picture);
      this.milliseconds = performance.now() - start;
      this.formulas(maps);
      if (maps.error) throw new Error(maps.error);
      this.maps = maps;
    } catch (error) {
      this.say(error.message);
      return;
    } finally {
      this.root.classList.toggle('k-stale', !this.maps); // what is seen was computed before
    }
    this.say('');
    this.enable();
    this.repaint();
  }

  /** Fields that mean nothing now can not be changed. */
  enable() {
    const { padding, pool } = this.current.chain;
    this.at('border').disabled = padding === 'valid';
    for (const id of ['pool-size', 'pool-stride']) this.at(id).disabled = pool === 'none';
    this.at('plane-row').hidden = this.picture.planes === 1;
  }

  /** Draws what was computed, as after a change of the theme. */
  repaint() {
    if (!this.maps) return;
    this.paint();
    this.point();
  }

  paint() {
    const { padded, result } = this.maps;
    const { planes, height, width } = this.picture;
    const view = this.at('view').value;
    draw(this.at('before'), padded, planes, 'clipped');
    draw(this.at('after'), result, planes, view);
    const p = paddingOf(this.current.chain);
    this.at('before-size').textContent =
      `${height} × ${width}` + (p ? `, padded ${padded.height} × ${padded.width}` : '');
    this.at('after-size').textContent = `${result.height} × ${result.width}`;
    this.at('view-note').textContent = VIEW_NOTES[view];
    this.at('average').textContent =
      `average ${short(result.mean)}, from ${short(result.low)} to ${short(result.high)}`;
    this.at('time').textContent = `computed in ${this.milliseconds.toFixed(1)} ms`;
  }

  formulas({ convolved, result, error }) {
    const { chain } = this.current;
    const { height, width } = this.picture;
    const rows = [];
    if (convolved.height) {
      rows.push(['convolution, rows', convolutionFormula(height, chain, convolved.height)]);
      rows.push(['convolution, columns', convolutionFormula(width, chain, convolved.width)]);
    }
    if (chain.pool !== 'none' && !error) {
      rows.push(['pool, rows', poolFormula(convolved.height, chain, result.height)]);
      rows.push(['pool, columns', poolFormula(convolved.width, chain, result.width)]);
    }
    const parts = rows.flatMap(([name, text]) => [
      element('dt', {}, name),
      element('dd', {}, text),
    ]);
    this.at('formulas').replaceChildren(...parts);
  }

  // --- one pixel -----------------------------------------------------------------------------

  listenToPixels() {
    const after = this.at('after');
    for (const type of ['pointermove', 'pointerdown'])
      after.addEventListener(type, (e) => this.pointTo(e));
    after.addEventListener('keydown', (event) => {
      if (!(event.key in ARROWS) || !this.maps) return;
      event.preventDefault();
      const step = event.shiftKey ? 10 : 1;
      const [down, right] = ARROWS[event.key];
      this.pixel = { row: this.pixel.row + step * down, column: this.pixel.column + step * right };
      this.point();
    });
    new ResizeObserver(() => this.point()).observe(after);
  }

  pointTo(event) {
    if (!this.maps) return;
    const box = this.at('after').getBoundingClientRect();
    const { height, width } = this.maps.result;
    this.pixel = {
      row: Math.floor(((event.clientY - box.top) / box.height) * height),
      column: Math.floor(((event.clientX - box.left) / box.width) * width),
    };
    this.point();
  }

  /** Shows the numbers of the chosen pixel, or of the nearest that there is. */
  point() {
    if (!this.maps) return;
    const { height, width } = this.maps.result;
    const row = Math.max(0, Math.min(height - 1, this.pixel.row));
    const column = Math.max(0, Math.min(width - 1, this.pixel.column));
    this.pixel = { row, column };
    const plane = this.picture.planes === 1 ? 0 : this.at('plane').selectedIndex;
    const traced = showNumbers(this.at('numbers'), this.maps, this.current, plane, row, column);
    frame(this.at('before-over'), this.at('before'), this.boxes(traced));
    frame(this.at('after-over'), this.at('after'), [box(row, column, 1, 1, SEEN)]);
  }

  /** On the padded picture: where the picture itself ends, what the whole pool sees, the patch. */
  boxes({ patch, window }) {
    const { chain } = this.current;
    const { height, width } = this.picture;
    const p = paddingOf(chain);
    const boxes = p ? [box(p, p, height, width, INSIDE)] : [];
    if (window) {
      const side = (window.side - 1) * chain.stride + patch.side;
      boxes.push(box(window.top * chain.stride, window.left * chain.stride, side, side, POOLED));
    }
    return [...boxes, box(patch.top, patch.left, patch.side, patch.side, SEEN)];
  }
}
