/**
 * MNIST's first 5,000 images, which lie beside the page in MNIST's own format, gzipped. They are
 * fetched when somebody trains, and not before.
 */

/** The file's bytes, unpacked; some servers have them unpacked on the way. */
async function fetchUnpacked(name) {
  const answer = await fetch(new URL(name, import.meta.url));
  if (!answer.ok) throw new Error(`${name} is not there: serve.sh packs it beside the page.`);
  const bytes = new Uint8Array(await answer.arrayBuffer());
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** The elements of an IDX file of bytes: behind a magic number and the size of each dimension. */
function elements(bytes) {
  if (bytes[0] !== 0 || bytes[1] !== 0 || bytes[2] !== 8)
    throw new Error('This is no IDX file of bytes.');
  return bytes.subarray(4 + 4 * bytes[3]);
}

/** @returns {Promise<{images: Uint8Array, labels: Uint8Array}>} 28 x 28 bytes an image, 255: ink */
export async function loadMnist() {
  const [images, labels] = await Promise.all(
    ['mnist-images.idx.gz', 'mnist-labels.idx.gz'].map(fetchUnpacked),
  );
  return { images: elements(images), labels: elements(labels) };
}
