import { dropTemplate } from './databases.ts';

export default dropTemplate;
