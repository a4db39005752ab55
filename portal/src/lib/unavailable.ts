/** No source answers, and there is no snapshot. */
export class Unavailable extends Error {
  override readonly name = 'Unavailable';
}
