import { createTemplate } from './databases.ts';

export default createTemplate;
