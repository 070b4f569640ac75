export { PageModule } from './page.module.ts';
export { PageServer } from './page-server.ts';
