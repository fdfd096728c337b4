// @ts-check
/**
 * A proof of work, which the server asks for while very many clients ask for tokens: a nonce so that SHA-256
 * of the challenge and the nonce begins with some zero bits. Computed in slices, so that the page stays
 * responsive; in plain script, because a call of WebCrypto takes longer than a try.
 */
const SLICE_MS = 25;
/** The first 32 bits of the fractional parts of roots of the first primes: cube roots, and square roots. @type {number[]} */
const K = [];
/** @type {number[]} */
const START = [];
for (let n = 2; K.length < 64; n++) {
  let prime = true;
  for (let d = 2; d * d <= n; d++) prime &&= n % d > 0;
  if (!prime) continue;
  if (START.length < 8) START.push((n ** 0.5 * 2 ** 32) | 0);
  K.push((n ** (1 / 3) * 2 ** 32) | 0);
}
const W = new Int32Array(64);

/** @param {number} x @param {number} n */
const turn = (x, n) => (x >>> n) | (x << (32 - n));

/** The first 32 bits of SHA-256 of at most 55 characters of ASCII, as an unsigned number. @param {string} text */
export function head(text) {
  W.fill(0, 0, 16);
  for (let i = 0; i < text.length; i++) W[i >> 2] |= text.charCodeAt(i) << (24 - (i % 4) * 8);
  W[text.length >> 2] |= 0x80 << (24 - (text.length % 4) * 8);
  W[15] = text.length * 8;
  let [a, b, c, d, e, f, g, h] = START;
  for (let i = 0; i < 64; i++) {
    if (i > 15) {
      const x = W[i - 15];
      const y = W[i - 2];
      W[i] = W[i - 16] + W[i - 7] + (turn(x, 7) ^ turn(x, 18) ^ (x >>> 3)) + (turn(y, 17) ^ turn(y, 19) ^ (y >>> 10));
    }
    const t = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + K[i] + W[i]) | 0;
    const u = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t) | 0;
    d = c;
    c = b;
    b = a;
    a = (t + u) | 0;
  }
  return (a + START[0]) >>> 0;
}

/** @param {{ challenge: string, bits: number }} asked @returns {Promise<{ challenge: string, nonce: string }>} */
export async function solve({ challenge, bits }) {
  for (let n = 0; ; ) {
    const until = performance.now() + SLICE_MS;
    do {
      for (let i = 0; i < 256; i++, n++) {
        const nonce = n.toString(36);
        if (head(challenge + nonce) >>> (32 - bits) === 0) return { challenge, nonce };
      }
    } while (performance.now() < until);
    await new Promise((resolve) => setTimeout(resolve));
  }
}
