import { Link } from 'react-router';
import { usePageTitle } from '../components/page-title.ts';

export default function NotFoundPage() {
  usePageTitle('Not found');
  return (
    <section className="page page-narrow">
      <h1>There is nothing here</h1>
      <p>The address names no page of the console.</p>
      <p>
        <Link to="/">Go to the fleet</Link>
      </p>
    </section>
  );
}
