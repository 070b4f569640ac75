export { HttpModule } from './http.module.ts';
