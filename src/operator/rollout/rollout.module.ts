import { Module } from '@nestjs/common';
import { ClusterModule } from '../cluster/index.ts';
import { Assignment } from './assignment.ts';
import { NodeReconciler } from './node-reconciler.ts';
import { NodeStateWriter } from './node-state-writer.ts';

/** Which node gets which ProxyConfig, and telling it. */
@Module({
  imports: [ClusterModule],
  providers: [Assignment, NodeReconciler, NodeStateWriter],
  exports: [Assignment, NodeReconciler],
})
export class RolloutModule {}
