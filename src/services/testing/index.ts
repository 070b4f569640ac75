export { service, slice } from './objects.ts';
