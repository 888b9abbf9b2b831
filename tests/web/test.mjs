// The checks of run.sh, group by group. Each group opens the page anew in one browser.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { Checks, launch, packageOf } from './browser.mjs';
import { testKernels } from './kernels.mjs';
import { readImages } from './mnist.mjs';
import { answerOf, digitDrawer, dropFile, openPage, ready, strokeToAnswer } from './page.mjs';
import { serve } from './server.mjs';

const { values: options } = parseArgs({
  options: {
    chromium: { type: 'string' },
    build: { type: 'string' },
    mnist: { type: 'string', default: '' },
    only: { type: 'string', default: '' },
    digits: { type: 'string', default: '200' },
  },
});
const TABS = ['layers', 'training', 'kernels'];
const modules = path.join(options.build, 'node_modules');
const checks = new Checks();

/** In the page: scrolls through it, for what is out of sight has not been painted. */
async function seeAll() {
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  const [height, before] = [document.documentElement.scrollHeight, scrollY];
  for (let y = 0; y < height; y += innerHeight) {
    scrollTo(0, y);
    await frame();
    await frame();
  }
  scrollTo(0, before);
  await frame();
}

/** What a group gets: { browser, url, server, open(viewport), shoot(page, name) }. */
function contextOf(browser, server) {
  const open = (viewport) => openPage(browser, server.url, viewport);
  const shoot = async (page, name) => {
    await page.evaluate(seeAll);
    const file = path.join(options.build, 'screenshots', `${name}.png`);
    await page.screenshot({ path: file, fullPage: true });
  };
  return { browser, server, url: server.url, open, shoot, checks, options };
}

async function select(page, tab) {
  await page.click(`#tab-${tab}`);
  await page.waitForSelector(`#${tab}:not([hidden])`);
}

/** A drawing that any network says something of. */
const SOME_DIGIT = (() => {
  const pixels = new Uint8Array(784);
  for (let y = 5; y < 23; y++) for (let x = 13; x < 16; x++) pixels[y * 28 + x] = 255;
  return pixels;
})();

function someDigits(count) {
  return options.mnist
    ? readImages(options.mnist, 't10k', count)
    : [{ pixels: SOME_DIGIT, label: 1 }];
}

async function drawOne(page, pixels = someDigits(1)[0].pixels) {
  const { draw, close } = await digitDrawer(page);
  await draw(pixels);
  await close();
}

// --- groups ---------------------------------------------------------------------------------------

async function firstLoad({ open, server, shoot }) {
  server.sent.clear();
  const { page, complaints } = await open();
  await page.waitForNetworkIdle({ idleTime: 500 });
  const bytes = [...server.sent.values()].reduce((sum, n) => sum + n, 0);
  const largest = [...server.sent].sort((a, b) => b[1] - a[1]).slice(0, 4);
  checks.check(
    `the first load is at most 1.0 MB gzipped: ${(bytes / 1e6).toFixed(3)} MB`,
    bytes <= 1e6,
    largest,
  );
  checks.note(largest.map(([name, n]) => `${name} ${(n / 1000).toFixed(0)} kB`).join(', '));
  checks.check(
    'the page knows its network',
    (await page.$eval('#network', (e) => e.textContent)).includes('600,810'),
  );
  await drawOne(page);
  await shoot(page, 'layers');
  checks.check('the first load complains of nothing', complaints.length === 0, complaints);
  await page.close();
}

async function drawnDigits({ open, shoot }) {
  if (!options.mnist) return checks.note('no MNIST: accuracy is not checked');
  const digits = someDigits(Number(options.digits));
  const { page, complaints } = await open();
  const { draw, close } = await digitDrawer(page);
  const wrong = [];
  for (const [i, { pixels, label }] of digits.entries()) {
    await draw(pixels);
    const { name } = await answerOf(page);
    if (name !== String(label)) wrong.push(`number ${i}: a ${label} taken for a ${name}`);
  }
  await close();
  await shoot(page, 'drawn');
  const right = 1 - wrong.length / digits.length;
  checks.check(
    `of ${digits.length} digits drawn by mouse ${right.toFixed(3)} are read rightly`,
    right >= 0.97,
    wrong,
  );
  checks.check('drawing complains of nothing', complaints.length === 0, complaints);
  await page.close();
}

/** The page's layers for what lies on its sheet: { image, layers: [[...]] }. */
async function pageActivations(page) {
  return page.evaluate(() => {
    const { app } = window;
    const { model } = app;
    model.setImage(app.image);
    model.run();
    return {
      image: [...app.image],
      kinds: model.network.layers.map(({ kind }) => kind),
      layers: model.network.layers.map((_, i) => [...model.output(i)]),
    };
  });
}

function floatsOf(file) {
  const bytes = readFileSync(file);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

/** The largest difference to the native library's layers, each relative to the layer's largest. */
function compareNatively(weights, { image, kinds, layers }) {
  const [input, output] = ['image.f32', 'layers.f32'].map((name) => path.join(options.build, name));
  writeFileSync(input, Buffer.from(Float32Array.from(image).buffer));
  execFileSync(path.join(options.build, 'activations'), [weights, input, output], {
    stdio: 'pipe',
  });
  const native = floatsOf(output);
  let at = 0;
  const apart = layers.map((values, i) => {
    const theirs = native.subarray(at, (at += values.length));
    const largest = Math.max(1, ...values.map(Math.abs));
    const worst = Math.max(...values.map((v, j) => Math.abs(v - theirs[j]))) / largest;
    return { layer: `${i} ${kinds[i]}`, worst };
  });
  if (at !== native.length)
    throw new Error(`the page has ${at} activations, the library ${native.length}`);
  return apart;
}

async function activations({ open }) {
  const { page } = await open();
  const weights = path.join(options.build, 'digits', 'digits.safetensors');
  for (const [i, { pixels }] of someDigits(3).entries()) {
    await drawOne(page, pixels);
    const apart = compareNatively(weights, await pageActivations(page));
    const worst = Math.max(...apart.map((a) => a.worst));
    checks.check(
      `drawing ${i}: all ${apart.length} layers are the native library's to ${worst.toExponential(1)}`,
      worst <= 1e-5,
      apart,
    );
  }
  await page.close();
}

/** Twenty digits of the visitor's own, where there are no images to train on. */
async function drawOwnDigits(page) {
  for (let i = 0; i < 20; i++) {
    await drawOne(page);
    await page.click(`#labels button:nth-child(${1 + (i % 2)})`);
  }
  await page.click('[name=images][value=own]');
  await page.$eval('[name=epochs]', (input) => (input.value = 50));
  await page.select('[name=batch]', '8');
}

async function downloadWeights(page, session) {
  const folder = path.join(options.build, 'downloads');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  await session.send('Browser.setDownloadBehavior', {
    behavior: 'allow',
    downloadPath: folder,
    eventsEnabled: true,
  });
  const completed = new Promise((resolve) => {
    session.on('Browser.downloadProgress', ({ state }) => state === 'completed' && resolve());
  });
  await page.click('#train-save');
  await completed;
  return path.join(folder, readdirSync(folder)[0]);
}

async function training({ open, browser, shoot }) {
  const { page, complaints } = await open();
  await select(page, 'training');
  if (options.mnist) await page.$eval('[name=epochs]', (input) => (input.value = 1));
  else await drawOwnDigits(page);
  await drawOne(page);
  await page.click('#train-start');
  const steps = () => page.evaluate(() => window.app.training.chart.losses.length);
  await page.waitForFunction(() => window.app.training.chart.losses.length >= 100, {
    timeout: 600_000,
    polling: 50,
  });
  await page.click('#train-stop');
  await page.waitForFunction(() => !window.app.training.running, { timeout: 120_000 });
  const losses = await page.evaluate(() => window.app.training.chart.losses.slice(0, 100));
  const mean = (list) => list.reduce((sum, v) => sum + v, 0) / list.length;
  const [first, last] = [mean(losses.slice(0, 10)), mean(losses.slice(-10))];
  checks.check(
    `100 steps of training take the loss from ${first.toFixed(3)} to ${last.toFixed(3)}`,
    last < first / 2,
  );
  checks.note(`${await steps()} steps: ${await page.$eval('#train-state', (e) => e.textContent)}`);
  await shoot(page, 'training');

  const file = await downloadWeights(page, await browser.target().createCDPSession());
  const before = await pageActivations(page);
  const apart = compareNatively(file, before);
  const worst = Math.max(...apart.map((a) => a.worst));
  checks.check(
    `the downloaded weights give the same natively, to ${worst.toExponential(1)}`,
    worst <= 1e-5,
    apart,
  );
  await page.click('#train-reset');
  const reset = await pageActivations(page);
  checks.check(
    'reset goes back to the weights of the file',
    furthest(reset.layers.at(-1), before.layers.at(-1)) > 1e-3,
  );
  await (await page.$('#file')).uploadFile(file);
  await page.waitForFunction(() => document.querySelector('#message').textContent === '');
  await page.waitForNetworkIdle();
  const again = await pageActivations(page);
  checks.check(
    'the page opens what it has saved',
    furthest(again.layers.at(-1), before.layers.at(-1)) === 0,
  );
  checks.check('training complains of nothing', complaints.length === 0, complaints);
  await page.close();
}

function furthest(a, b) {
  return Math.max(...a.map((v, i) => Math.abs(v - b[i])));
}

async function wrongFiles({ open, shoot }) {
  const { page, complaints } = await open();
  await drawOne(page);
  const before = await answerOf(page);
  const whole = readFileSync(path.join(options.build, 'digits', 'digits.safetensors'));
  const files = {
    'text.txt': Buffer.from('this is no network'),
    'empty.safetensors': Buffer.alloc(0),
    'cut.safetensors': whole.subarray(0, whole.length / 2),
    'nameless.safetensors': namelessFile(),
  };
  for (const [name, bytes] of Object.entries(files)) {
    await page.evaluate(() => window.app.say(''));
    await dropFile(page, '#sheet', bytes, name);
    await page
      .waitForFunction(() => document.querySelector('#message').textContent !== '', {
        timeout: 30_000,
      })
      .catch(() => {});
    const message = await page.$eval('#message', (e) => e.textContent);
    checks.check(`${name}: “${message}”`, message.includes(name));
  }
  await shoot(page, 'wrong-file');
  const after = await answerOf(page);
  checks.check(
    'after wrong files the network is the old one',
    JSON.stringify(before) === JSON.stringify(after),
  );
  checks.check('wrong files make no error in the console', complaints.length === 0, complaints);
  await page.close();
}

/** A sound safetensors file that does not say which network it is of. */
function namelessFile() {
  const header = Buffer.from(
    JSON.stringify({ w: { dtype: 'F32', shape: [1], data_offsets: [0, 4] } }),
  );
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, Buffer.alloc(4)]);
}

/** What of a page that is so wide lies outside, or is too small for a finger. */
async function unreachable(page) {
  return page.evaluate(() => {
    const told = [];
    const root = document.scrollingElement;
    if (root.scrollWidth > root.clientWidth)
      told.push(`scrolls sideways: ${root.scrollWidth} > ${root.clientWidth}`);
    for (const e of document.querySelectorAll('button, select, input, a[href], canvas[tabindex]')) {
      if (!e.checkVisibility({ visibilityProperty: true }) || e.classList.contains('skip'))
        continue;
      const box = (e.labels?.[0]?.contains(e) ? e.labels[0] : e).getBoundingClientRect();
      const name =
        e.id || e.getAttribute('aria-label') || e.textContent.trim() || e.outerHTML.slice(0, 60);
      let inside = box.left >= 0 && box.right <= innerWidth + 0.5;
      for (let p = e.parentElement; p && !inside; p = p.parentElement) {
        inside = ['auto', 'scroll'].includes(getComputedStyle(p).overflowX); // of its own scrolling
      }
      if (!inside) told.push(`${name} lies outside: ${box.left} to ${box.right}`);
      if (Math.min(box.width, box.height) < 23.5 && box.width > 1)
        told.push(`${name} is ${box.width} x ${box.height}`);
    }
    return told;
  });
}

async function phone({ open, shoot }) {
  for (const width of [320, 390]) {
    const { page, complaints } = await open({
      width,
      height: 720,
      isMobile: true,
      hasTouch: true,
      deviceScaleFactor: 2,
    });
    const sheet = await page.$('#sheet');
    const box = await sheet.boundingBox();
    const touch = await page.touchscreen.touchStart(
      box.x + box.width / 2,
      box.y + box.height * 0.2,
    );
    for (let i = 2; i <= 8; i++)
      await touch.move(box.x + box.width / 2, box.y + box.height * 0.1 * i);
    await touch.end();
    const answer = await answerOf(page).catch(() => null);
    checks.check(`${width} pixels: a finger draws, and there is an answer`, answer !== null);
    for (const tab of TABS) {
      await select(page, tab);
      const told = await unreachable(page);
      checks.check(`${width} pixels, ${tab}: all is within reach`, told.length === 0, told);
      await shoot(page, `phone-${width}-${tab}`);
    }
    checks.check(`${width} pixels: no complaint`, complaints.length === 0, complaints);
    await page.close();
  }
}

async function keyboard({ open, shoot }) {
  const { page, complaints } = await open();
  for (let i = 0; i < 20; i++) {
    await page.keyboard.press('Tab');
    if (await page.evaluate(() => document.activeElement.id === 'sheet')) break;
  }
  checks.check(
    'Tab reaches the sheet',
    await page.evaluate(() => document.activeElement.id === 'sheet'),
  );
  const press = async (key, times) => {
    for (let i = 0; i < times; i++) await page.keyboard.press(key);
  };
  await press('ArrowUp', 9);
  await page.keyboard.press('Space');
  await press('ArrowDown', 18);
  await page.keyboard.press('Space');
  const { name } = await answerOf(page);
  if (options.mnist) checks.check('a line drawn by keys is a 1', name === '1', name);
  else checks.check('a line drawn by keys is answered', name !== '');
  await shoot(page, 'keyboard');
  await page.keyboard.press('Backspace');
  checks.check('Backspace takes it back', await page.evaluate(() => window.app.sheet.empty));
  await page.focus('[role=tab][aria-selected=true]');
  for (const tab of [...TABS.slice(1), TABS[0]]) {
    await page.keyboard.press('ArrowRight');
    checks.check(`the right arrow opens ${tab}`, await page.$eval(`#${tab}`, (e) => !e.hidden));
  }
  checks.check('keys make no complaint', complaints.length === 0, complaints);
  await page.close();
}

async function offline({ browser }) {
  const server = await serve(path.join(options.build, 'digits'), '/off/line/');
  const { page, complaints } = await openPage(browser, server.url);
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => true));
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null, {
    timeout: 120_000,
  });
  await server.close();
  await page.reload({ waitUntil: 'load' });
  await ready(page);
  await drawOne(page);
  const { name } = await answerOf(page);
  checks.check('without its server the page loads and answers', name !== '');
  await select(page, 'kernels');
  checks.check('and so does its second tab', (await page.$('#k-after')) !== null);
  checks.check('offline there is no complaint', complaints.length === 0, complaints);
  await page.close();
}

async function accessibility({ browser, url, shoot }) {
  const { source } = packageOf('axe-core', modules);
  for (const theme of ['light', 'dark']) {
    const { page } = await openPage(browser, url);
    await page.emulateMediaFeatures([
      { name: 'prefers-color-scheme', value: theme },
      { name: 'prefers-reduced-motion', value: 'reduce' },
    ]);
    await page.reload({ waitUntil: 'load' });
    await ready(page);
    await drawOne(page);
    await page.click('#cards button[aria-expanded]');
    await page.evaluate(source);
    for (const tab of TABS) {
      await select(page, tab);
      await page.waitForNetworkIdle();
      const violations = await page.evaluate(async () => {
        const found = (await window.axe.run(document, { resultTypes: ['violations'] })).violations;
        return found.map(
          ({ id, nodes }) =>
            `${id}: ${nodes
              .map((n) => `${n.target} ${n.failureSummary}`)
              .slice(0, 4)
              .join(' | ')}`,
        );
      });
      checks.check(`axe-core finds nothing, ${theme}, ${tab}`, violations.length === 0, violations);
      await shoot(page, `${theme}-${tab}`);
    }
    await page.close();
  }
}

async function latency({ browser, url }) {
  const { median, strokes } = await strokeToAnswer(browser, url, someDigits(1)[0].pixels);
  checks.note(`stroke to answer: median ${median.toFixed(1)} ms of ${strokes} moves`);
}

// --- all of them ----------------------------------------------------------------------------------

const GROUPS = {
  'first load': firstLoad,
  'drawn digits': drawnDigits,
  activations,
  training,
  'wrong files': wrongFiles,
  phone,
  keyboard,
  offline,
  kernels: testKernels,
  accessibility,
  latency,
};

async function main() {
  const server = await serve(path.join(options.build, 'digits'), '/some/where/');
  const flags = ['--use-fake-device-for-media-stream']; // a camera that shows a test picture
  const { browser, close } = await launch({ chromium: options.chromium, modules, flags });
  try {
    for (const [name, body] of Object.entries(GROUPS)) {
      if (!name.includes(options.only)) continue;
      const start = Date.now();
      await checks.block(name, () => body(contextOf(browser, server)));
      checks.note(`${name}: ${((Date.now() - start) / 1000).toFixed(1)} s`);
    }
  } finally {
    await close();
    await server.close();
  }
  process.exitCode = checks.report();
}

await main();
