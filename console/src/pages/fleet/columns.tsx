import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { StatusBadge } from '../../components/status-badge.tsx';
import { Ago } from '../../components/time.tsx';
import { UsageBar } from '../../components/usage-bar.tsx';
import type { FleetRow } from './documents.ts';
import type { SortField } from './fleet-query.ts';

export interface Column {
  readonly key: string;
  readonly label: string;
  /** In CSS pixels. */
  readonly width: number;
  /** The order that a click on the header asks for. */
  readonly sort?: SortField;
  /** Whether it is shown unless somebody chose otherwise. */
  readonly isUsual: boolean;
  readonly render: (row: FleetRow) => ReactNode;
}

const dash = <span className="muted">–</span>;

export const COLUMNS: readonly Column[] = [
  {
    key: 'name',
    label: 'Name',
    width: 150,
    sort: 'NAME',
    isUsual: true,
    render: ({ id, name }) => (
      <Link to={`/workstations/${id}`} tabIndex={-1} className="cell-link">
        {name}
      </Link>
    ),
  },
  {
    key: 'status',
    label: 'Status',
    width: 115,
    sort: 'STATUS',
    isUsual: true,
    render: ({ status }) => <StatusBadge status={status} />,
  },
  { key: 'hostname', label: 'Host name', width: 195, isUsual: true, render: ({ hostname }) => hostname },
  { key: 'ipAddress', label: 'Address', width: 140, isUsual: false, render: ({ ipAddress }) => ipAddress },
  {
    key: 'operatingSystem',
    label: 'Operating system',
    width: 155,
    isUsual: true,
    render: ({ operatingSystem }) => operatingSystem,
  },
  { key: 'manager', label: 'Manager', width: 130, isUsual: true, render: ({ manager }) => manager?.name ?? dash },
  {
    key: 'tags',
    label: 'Tags',
    width: 110,
    isUsual: true,
    render: ({ tags }) =>
      tags.length === 0
        ? dash
        : tags.map((tag) => (
            <span key={tag} className="tag">
              {tag}
            </span>
          )),
  },
  {
    key: 'cpu',
    label: 'CPU',
    width: 88,
    sort: 'CPU_USAGE',
    isUsual: true,
    render: ({ cpuUsage }) => <UsageBar percent={cpuUsage} />,
  },
  {
    key: 'memory',
    label: 'Memory',
    width: 88,
    isUsual: true,
    render: ({ memoryUsage }) => <UsageBar percent={memoryUsage} />,
  },
  {
    key: 'disk',
    label: 'Disk',
    width: 88,
    isUsual: true,
    render: ({ diskUsage }) => <UsageBar percent={diskUsage} />,
  },
  {
    key: 'lastSeen',
    label: 'Last seen',
    width: 96,
    sort: 'LAST_SEEN_AT',
    isUsual: true,
    render: ({ lastSeenAt }) => (lastSeenAt ? <Ago at={lastSeenAt} /> : <span className="muted">never</span>),
  },
  {
    key: 'created',
    label: 'Added',
    width: 96,
    sort: 'CREATED_AT',
    isUsual: false,
    render: ({ createdAt }) => <Ago at={createdAt} />,
  },
  {
    key: 'updated',
    label: 'Edited',
    width: 96,
    isUsual: false,
    render: ({ updatedAt }) => <Ago at={updatedAt} />,
  },
];
