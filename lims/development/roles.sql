-- The two roles of Oxinate, once per server. psql fills in the variables (docker-compose), provision.py does it for
-- the embedded servers. lims_owner owns the schema and is used by migrations alone; lims_app, which owns nothing, is
-- whom the server logs in as. A role that is only assumed could be reset by the session that assumed it.
CREATE ROLE lims_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'owner_password';
CREATE ROLE lims_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'app_password';
-- Whoever sets up hands the database over to lims_owner, which PostgreSQL allows to its members alone.
GRANT lims_owner TO CURRENT_USER;
