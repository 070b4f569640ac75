import { isAllowed, refusal } from '../auth/authorize.ts';
import type { Wish } from '../auth/authorize.ts';
import type { User } from '../auth/tokens.ts';
import { targetOf } from '../resources.ts';
import { forbidden } from '../status.ts';
import type { Service } from './exchange.ts';

/** Lets somebody do something, or does not. @throws StatusError 403 */
export function permit(service: Service, user: User, wish: Wish): void {
  if (!service.rbac) return;
  const allowed = isAllowed(user, wish, service.state.store);
  const {
    verb,
    resource: { group, plural },
    subresource,
    name,
  } = wish;
  const resource = subresource === '' ? plural : `${plural}/${subresource}`;
  service.requestLog?.note(user, { verb, group, resource, name }, allowed);
  if (allowed) return;
  throw forbidden(targetOf(wish.resource), wish.name, refusal(user, wish));
}
