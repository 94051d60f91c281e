import { Migration } from '@mikro-orm/migrations';

/** A migration as MikroORM lists it. */
export interface NamedMigration {
  /** Begins with the date, `20261122-fleet`, by which all migrations are put in order. */
  readonly name: string;
  readonly class: new (...parameters: ConstructorParameters<typeof Migration>) => Migration;
}

/** A migration that runs SQL statements one after the other, in one transaction. */
export function sqlMigration(
  name: string,
  { up, down }: { readonly up: readonly string[]; readonly down: readonly string[] },
): NamedMigration {
  class SqlMigration extends Migration {
    override name = name;

    override up(): void {
      for (const statement of up) this.addSql(statement);
    }

    override down(): void {
      for (const statement of down) this.addSql(statement);
    }
  }
  return { name, class: SqlMigration };
}
