import type { Server } from '../../haproxy/index.ts';

/** Whether a section that has these servers, by their names, has all that is wanted of it and no more. */
export function areSame(present: ReadonlyMap<string, Server>, wanted: ReadonlyMap<string, Server>): boolean {
  return (
    present.size === wanted.size &&
    [...wanted].every(([name, { weight, slowStartSeconds }]) => {
      const before = present.get(name);
      return before?.weight === weight && before.slowStartSeconds === slowStartSeconds;
    })
  );
}
