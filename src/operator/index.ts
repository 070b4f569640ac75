export { operatorMain } from './main.ts';
