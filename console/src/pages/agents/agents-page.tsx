import { useState } from 'react';
import { Notice } from '../../components/notice.tsx';
import { usePageTitle } from '../../components/page-title.ts';
import { RoleHint } from '../../components/role-hint.tsx';
import { useMay } from '../../session/session.ts';
import { AgentKeys } from './agent-keys.tsx';
import { Enrollments } from './enrollments.tsx';
import './agents.css';

export default function AgentsPage() {
  usePageTitle('Agents');
  const mayManage = useMay('ADMIN');
  const [done, setDone] = useState('');
  return (
    <section className="page">
      <h1>Agents</h1>
      <p>
        An agent is a program that reports its machine. It enrolls once, with a token that you create here, and gets a
        key of its own.
      </p>
      <RoleHint needs="ADMIN" what="Managing agents" />
      {mayManage && (
        <>
          <div aria-live="polite">{done && <Notice tone="success">{done}</Notice>}</div>
          <Enrollments onDone={setDone} />
          <AgentKeys onDone={setDone} />
        </>
      )}
    </section>
  );
}
