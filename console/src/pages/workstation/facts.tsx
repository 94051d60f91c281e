import { Link } from 'react-router';
import { Moment } from '../../components/time.tsx';
import type { Details } from './workstation-values.ts';

export function Facts({ details }: { readonly details: Details }) {
  const { hostname, ipAddress, operatingSystem, manager, tags, machineId, version, createdAt, updatedAt, id } = details;
  return (
    <dl className="facts">
      <dt>Host name</dt>
      <dd>{hostname}</dd>
      <dt>Address</dt>
      <dd>{ipAddress}</dd>
      <dt>Operating system</dt>
      <dd>{operatingSystem}</dd>
      <dt>Manager</dt>
      <dd>
        {manager ? (
          <>
            <Link to={`/managers?manager=${manager.id}`}>{manager.name}</Link>{' '}
            <span className="muted">{manager.email}</span>
          </>
        ) : (
          'none'
        )}
      </dd>
      <dt>Tags</dt>
      <dd className="tags">
        {tags.length === 0
          ? 'none'
          : tags.map((tag) => (
              <span className="tag" key={tag}>
                {tag}
              </span>
            ))}
      </dd>
      <dt>Added</dt>
      <dd>
        <Moment at={createdAt} />
      </dd>
      <dt>Last edited</dt>
      <dd>
        <Moment at={updatedAt} /> <span className="muted">version {version}</span>
      </dd>
      <dt>Machine</dt>
      <dd className="mono">{machineId ?? 'not enrolled by an agent'}</dd>
      <dt>Id</dt>
      <dd className="mono">{id}</dd>
    </dl>
  );
}
