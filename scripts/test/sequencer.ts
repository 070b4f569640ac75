import { BaseSequencer } from 'vitest/node';
import type { TestSpecification } from 'vitest/node';

/**
 * Files with whole clusters first: each takes minutes, much of it spent waiting, and one that begins last keeps everybody
 * waiting while the processors have nothing to do. vitest by itself begins with the largest files, as it knows no better
 * on a new checkout.
 */
export default class ClustersFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const withCluster = ({ moduleId }: TestSpecification): boolean => moduleId.includes('/test/e2e/');
    return [...sorted.filter(withCluster), ...sorted.filter((file) => !withCluster(file))];
  }
}
