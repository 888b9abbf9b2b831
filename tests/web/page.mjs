// The page of examples/digits as its visitors use it: opening it, drawing on its sheet.
import { complaintsOf, median } from './browser.mjs';
import { strokesOf } from './mnist.mjs';

const THIN = 10; // the thinnest pen of the page, in pixels of its sheet
const SHEET = 280;
const BOX = 240; // in which digits are drawn; MNIST's 20 x 20 pixels

/**
 * Opens the page and waits until it answers; window.app is then its App.
 *
 * @returns {{page, complaints}}
 */
export async function openPage(browser, url, { width = 1280, height = 900, ...viewport } = {}) {
  const page = await browser.newPage();
  const complaints = complaintsOf(page);
  await page.setViewport({ width, height, ...viewport });
  await page.goto(url, { waitUntil: 'load' });
  await ready(page);
  return { page, complaints };
}

/** Until the page has started, and opened its weights. */
export async function ready(page) {
  await page.evaluate(async () => {
    const { started } = await import(new URL('app.js', document.baseURI).href);
    window.app = await started;
  });
}

export async function setThickness(page, thickness) {
  await page.$eval(
    '#thickness',
    (input, value) => {
      input.value = value;
      input.dispatchEvent(new Event('input', { bubbles: true }));
    },
    thickness,
  );
}

/** Where the sheet is in the window, after scrolling to it. */
async function sheetBox(page) {
  const sheet = await page.$('#sheet');
  await sheet.evaluate((element) => element.scrollIntoView({ block: 'nearest' }));
  return sheet.boundingBox();
}

/** A hand that draws by mouse: events go out one after the other, none waits for the last. */
async function mouseOf(page) {
  const session = await page.createCDPSession();
  const sent = [];
  const send = (type, { x, y }, more = {}) =>
    sent.push(
      session.send('Input.dispatchMouseEvent', { type, x, y, pointerType: 'mouse', ...more }),
    );
  return {
    stroke([first, ...rest]) {
      const down = { button: 'left', buttons: 1, clickCount: 1 };
      send('mouseMoved', first);
      send('mousePressed', first, down);
      for (const point of rest) send('mouseMoved', point, { buttons: 1 });
      send('mouseReleased', rest.at(-1) ?? first, { ...down, buttons: 0 });
    },
    async done() {
      await Promise.all(sent.splice(0));
    },
    close: () => session.detach(),
  };
}

/** The middle of the rectangle around some points. */
function middleOf(points) {
  const between = (values) => (Math.min(...values) + Math.max(...values)) / 2;
  return { x: between(points.map((p) => p.x)), y: between(points.map((p) => p.y)) };
}

/** Draws digits one after the other by mouse: await draw(pixels) leaves one on a clean sheet. */
export async function digitDrawer(page) {
  await setThickness(page, THIN);
  const mouse = await mouseOf(page);
  const pixel = BOX / 20; // of the sheet, for a pixel of the image
  const draw = async (pixels) => {
    await page.evaluate(() => window.app.sheet.clear());
    const box = await sheetBox(page);
    const scale = box.width / SHEET;
    const strokes = strokesOf(pixels, THIN / pixel);
    const middle = middleOf(strokes.flat());
    const place = ({ x, y }) => ({
      x: box.x + scale * (SHEET / 2 + (x - middle.x) * pixel),
      y: box.y + scale * (SHEET / 2 + (y - middle.y) * pixel),
    });
    for (const points of strokes) mouse.stroke(points.map(place));
    await mouse.done();
  };
  return { draw, close: () => mouse.close() };
}

/** The class that the page shows as likeliest, and the word of its bar. */
export async function answerOf(page) {
  return page.$eval('#bars .best', (row) => ({
    name: row.querySelector('.bar-name').textContent,
    value: row.querySelector('.bar-value').textContent,
  }));
}

/**
 * What passes between a move of the mouse and the bars that answer it, in ms: { median, strokes }.
 * The clock starts when the browser hands the event to the page.
 */
export async function strokeToAnswer(browser, url, pixels) {
  const { page } = await openPage(browser, url);
  await page.evaluate(() => {
    window.delays = [];
    let begun = null;
    addEventListener('pointermove', () => (begun = performance.now()), { capture: true });
    window.app.sheet.addEventListener('stroke', () => {
      if (begun !== null) window.delays.push(performance.now() - begun);
      begun = null;
    });
  });
  const { draw, close } = await digitDrawer(page);
  for (let i = 0; i < 3; i++) await draw(pixels);
  const delays = await page.evaluate(() => window.delays);
  await close();
  await page.close();
  return { median: median(delays), strokes: delays.length };
}

/** Lets go of a file over an element, as a visitor does who drags it there. */
export async function dropFile(page, selector, bytes, name, type = '') {
  await page.$eval(
    selector,
    (element, content, fileName, fileType) => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([Uint8Array.from(content)], fileName, { type: fileType }));
      for (const kind of ['dragover', 'drop']) {
        element.dispatchEvent(
          new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer }),
        );
      }
    },
    [...bytes],
    name,
    type,
  );
}
