export { contentOf, path, useReflectorRig } from './reflector-rig.ts';
