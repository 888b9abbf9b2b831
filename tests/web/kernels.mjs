// Checks of the page's second tab: maps, sizes and numbers against sums made here, and what a
// visitor may get wrong.
import { dropFile } from './page.mjs';

/** out[o] = sum over taps of padded input, by plain loops. */
function convolve({ data, height, width }, weights, side, { padding, stride, dilation }) {
  const rows = Math.floor((height + 2 * padding - dilation * (side - 1) - 1) / stride) + 1;
  const columns = Math.floor((width + 2 * padding - dilation * (side - 1) - 1) / stride) + 1;
  const at = (r, c) => (r >= 0 && c >= 0 && r < height && c < width ? data[r * width + c] : 0);
  const out = [];
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) {
      let sum = 0;
      for (let i = 0; i < side; i++)
        for (let j = 0; j < side; j++)
          sum +=
            weights[i * side + j] *
            at(r * stride - padding + i * dilation, c * stride - padding + j * dilation);
      out.push(sum);
    }
  return { data: out, height: rows, width: columns };
}

function maxPool({ data, height, width }, size, stride) {
  const [rows, columns] = [height, width].map((n) => Math.floor((n - size) / stride) + 1);
  const out = [];
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) {
      let best = -Infinity;
      for (let i = 0; i < size; i++)
        for (let j = 0; j < size; j++)
          best = Math.max(best, data[(r * stride + i) * width + c * stride + j]);
      out.push(best);
    }
  return { data: out, height: rows, width: columns };
}

const text = (page, selector) => page.$eval(selector, (e) => e.textContent);

async function set(page, id, value) {
  await page.$eval(
    `#k-${id}`,
    (field, v) => {
      if (field.type === 'checkbox') field.checked = v;
      else field.value = v;
      for (const kind of ['input', 'change'])
        field.dispatchEvent(new Event(kind, { bubbles: true }));
    },
    value,
  );
}

/** Picture and stages as the tab has them now. */
async function state(page) {
  return page.evaluate(() => {
    const { picture, maps } = window.app.kernels;
    const plain = (m) => ({
      height: m.height,
      width: m.width,
      mean: m.mean,
      data: [...m.data],
    });
    return {
      picture: plain(picture),
      convolved: plain(maps.convolved),
      result: plain(maps.result),
    };
  });
}

function furthest(a, b) {
  return a.reduce(
    (worst, v, i) => Math.max(worst, Math.abs(v - b[i])),
    a.length === b.length ? 0 : Infinity,
  );
}

async function values({ page, checks }) {
  await set(page, 'side', '64');
  await set(page, 'preset', 'identity');
  let now = await state(page);
  checks.check(
    'identity leaves the picture as it is',
    furthest(now.result.data, now.picture.data) === 0,
  );

  await set(page, 'preset', 'Sobel x');
  const sobel = [-1, 0, 1, -2, 0, 2, -1, 0, 1];
  for (const [padding, stride, dilation] of [
    [0, 1, 1],
    [1, 1, 1],
    [2, 2, 1],
    [6, 3, 3],
  ]) {
    const word = padding === 0 ? 'valid' : padding === 2 * dilation ? 'full' : 'same';
    await set(page, 'padding', word);
    await set(page, 'stride', stride);
    await set(page, 'dilation', dilation);
    now = await state(page);
    const ours = convolve(now.picture, sobel, 3, { padding, stride, dilation });
    const apart = furthest(now.result.data, ours.data);
    checks.check(
      `Sobel, ${word}, stride ${stride}, dilation ${dilation}: as plain loops to ${apart.toExponential(1)}`,
      apart < 1e-3,
    );
    const formulas = await text(page, '#k-formulas');
    checks.check(
      'the formulas end with its size',
      formulas.includes(`= ${ours.height}`) && formulas.includes(`= ${ours.width}`),
      formulas,
    );
  }
  await set(page, 'stride', 1);
  await set(page, 'dilation', 1);
  await set(page, 'padding', 'valid');
  await set(page, 'relu', true);
  await set(page, 'pool', 'max');
  now = await state(page);
  const rectified = convolve(now.picture, sobel, 3, { padding: 0, stride: 1, dilation: 1 });
  rectified.data = rectified.data.map((v) => Math.max(v, 0));
  const pooled = maxPool(rectified, 2, 2);
  checks.check('ReLU and a pool of the largest', furthest(now.result.data, pooled.data) < 1e-3);
  const mean = pooled.data.reduce((sum, v) => sum + v, 0) / pooled.data.length;
  const told = await text(page, '#k-average');
  checks.check(
    `the average is told: ${told}`,
    told.includes(`average ${Math.round(mean * 100) / 100},`),
    mean,
  );
}

async function onePixel({ page, checks }) {
  await set(page, 'pool', 'none');
  await set(page, 'relu', false);
  await set(page, 'padding', 'same');
  const box = await (await page.$('#k-after')).boundingBox();
  await page.mouse.move(box.x + box.width * 0.3, box.y + box.height * 0.4);
  const { patch, value } = await page.evaluate(() => {
    const { maps, pixel } = window.app.kernels;
    const read = (grid) =>
      [...grid.children].map((cell) =>
        Number(cell.textContent.replace('·', '0').replace('−', '-')),
      );
    return {
      patch: [...document.querySelectorAll('#k-numbers .grid')].map(read),
      value: maps.result.data[pixel.row * maps.result.width + pixel.column],
    };
  });
  const [seen, kernel, products] = patch;
  const sum = seen.reduce((s, v, i) => s + v * kernel[i], 0);
  checks.check(
    'pointing shows patch, kernel and products whose sum is the pixel',
    Math.abs(sum - value) < 1e-3 &&
      furthest(
        products,
        seen.map((v, i) => v * kernel[i]),
      ) < 1e-3,
    { patch, value },
  );
  const before = await text(page, '#k-numbers');
  await page.focus('#k-after');
  await page.keyboard.press('ArrowRight');
  checks.check('an arrow key goes to the next pixel', before !== (await text(page, '#k-numbers')));
}

async function mistakes({ page, checks, shoot }) {
  await set(page, 'stride', '0');
  checks.check(
    `a stride of 0: “${await text(page, '#k-message')}”`,
    (await text(page, '#k-message')) !== '',
  );
  await set(page, 'stride', '1');
  await set(page, 'pool', 'max');
  await set(page, 'side', '32');
  await set(page, 'padding', 'valid');
  await set(page, 'dilation', '16');
  checks.check(
    `a kernel beyond the picture: “${await text(page, '#k-message')}”`,
    (await text(page, '#k-message')) !== '',
  );
  const stale = () => page.$eval('#kernels', (e) => e.classList.contains('k-stale'));
  checks.check('what was computed before fades', await stale());
  await shoot(page, 'kernels-mistake');
  await set(page, 'dilation', '1');
  await set(page, 'pool', 'none');
  checks.check(
    'and when it is mended, none',
    (await text(page, '#k-message')) === '',
    await text(page, '#k-message'),
  );
}

async function pictures({ page, checks }) {
  await dropFile(page, '#kernels', Buffer.from('no picture'), 'notes.txt', 'text/plain');
  await page
    .waitForFunction(() => document.querySelector('#k-message').textContent !== '', {
      timeout: 30_000,
    })
    .catch(() => {});
  checks.check(
    `a file that is no picture: “${await text(page, '#k-message')}”`,
    (await text(page, '#k-message')).includes('notes.txt'),
  );
  const png = await page.evaluate(() => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 30, height: 20 });
    canvas.getContext('2d').fillRect(0, 0, 15, 20);
    return canvas.toDataURL().split(',')[1];
  });
  await dropFile(page, '#kernels', Buffer.from(png, 'base64'), 'half.png', 'image/png');
  await page
    .waitForFunction(() => window.app.kernels.picture.width === 30, { timeout: 30_000 })
    .catch(() => {});
  const { picture } = await state(page);
  checks.check(
    'a picture that is dropped is shown',
    picture.width === 30 && picture.data[0] === 0 && picture.data[29] === 255,
    picture.width,
  );
}

async function camera({ page, checks, shoot, browser, url }) {
  const context = browser.defaultBrowserContext();
  const { origin } = new URL(url);
  await context.overridePermissions(origin, []);
  await page.click('#k-camera');
  await page
    .waitForFunction(() => document.querySelector('#k-message').textContent !== '', {
      timeout: 60_000,
    })
    .catch(() => {});
  const refusal = await text(page, '#k-message');
  checks.check(`a camera that is refused: “${refusal}”`, refusal.includes('refused'));
  await context.overridePermissions(origin, ['camera']);
  await set(page, 'side', '320');
  await set(page, 'preset', 'Sobel x');
  await page.evaluate(() => {
    const { kernels } = window.app;
    const show = kernels.show.bind(kernels);
    window.frames_ = [];
    kernels.show = (canvas) => {
      const start = performance.now();
      show(canvas);
      window.frames_.push(performance.now() - start);
    };
  });
  await page.click('#k-camera');
  await page
    .waitForFunction(() => window.frames_.length >= 20, { timeout: 120_000 })
    .catch(() => {});
  const frames = await page.evaluate(() => window.frames_);
  const middle = [...frames].sort((a, b) => a - b)[frames.length >> 1];
  checks.check(
    `the camera goes through the kernel: ${frames.length} pictures`,
    frames.length >= 20,
  );
  checks.note(`a picture of the camera takes ${middle?.toFixed(1)} ms, kernel and drawing`);
  await shoot(page, 'kernels-camera');
  await page.click('#tab-layers');
  checks.check(
    'another tab stops the camera',
    await page.evaluate(() => !window.app.kernels.camera.on),
  );
  await page.click('#tab-kernels');
}

export async function testKernels(context) {
  const { page, complaints } = await context.open();
  await page.click('#tab-kernels');
  await page.waitForSelector('#k-after');
  const { checks, shoot } = context;
  await shoot(page, 'kernels');
  for (const group of [values, onePixel, mistakes, pictures, camera])
    await group({ ...context, page });
  checks.check('the second tab complains of nothing', complaints.length === 0, complaints);
  await page.close();
}
