// The one of src, where tests of reflectors and leaders wait, too.
export { eventually } from '../../src/kubernetes/testing/index.ts';
export type { Patience } from '../../src/kubernetes/testing/index.ts';
