/** What is on its way: answers, pauses, tiles. Tests and assistive tools learn when the page rests. */

let count = 0;

/** Count one more thing that is on its way, or one less. */
export function pending(step: 1 | -1): void {
  count += step;
  document.body.dataset.pending = String(count);
  document.body.setAttribute("aria-busy", String(count > 0));
}

/** Count a promise until it is settled, and what follows from it has begun. */
export async function counted<T>(work: Promise<T>): Promise<T> {
  pending(1);
  try {
    return await work;
  } finally {
    // Whoever waits for the promise goes on before: there is no moment of rest between the two.
    window.setTimeout(() => pending(-1));
  }
}
