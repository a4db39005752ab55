import { named } from './named.ts';

/** No source answers, and there is no snapshot. */
export class Unavailable extends named('Unavailable') {}
