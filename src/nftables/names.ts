/**
 * How a program's own names for its sets and chains are spelled in the kernel. With it one description of a table can
 * stand in the kernel twice, side by side, under different names.
 */
export interface Names {
  set(name: string): string;
  chain(name: string): string;
}

/** The kernel's names are the program's. */
export const sameNames: Names = { set: (name) => name, chain: (name) => name };
