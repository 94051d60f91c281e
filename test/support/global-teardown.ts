import { dropTemplate } from '../../src/testing/test-database.ts';

export default dropTemplate;
