import type { BuiltRooms } from './built-rooms.ts';
import type { Generation } from './generation.ts';
import type { Sizes } from './sizes.ts';

/** The generation that packets meet, or one that is being written, and what of it is there. */
export interface InForce {
  readonly generation: Generation;
  readonly rooms: BuiltRooms;
  readonly sizes: Sizes;
}
