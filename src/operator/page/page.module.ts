import { Module } from '@nestjs/common';
import { LeadershipModule } from '../leadership/index.ts';
import { PageServer } from './page-server.ts';
import { PageSource } from './page-source.ts';

/** The page for people. */
@Module({ imports: [LeadershipModule], providers: [PageSource, PageServer] })
export class PageModule {}
