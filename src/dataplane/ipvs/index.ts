export { IpvsEngine } from './engine.ts';
