export { Leadership } from './leadership.ts';
export { LeadershipModule } from './leadership.module.ts';
