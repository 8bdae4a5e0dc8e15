-- One database of Oxinate; run inside it after roles.sql. The database itself changes hands last, because only its
-- owner may do what comes before.
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"database" TO lims_app, lims_owner;
GRANT CREATE ON DATABASE :"database" TO lims_owner;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
ALTER SCHEMA public OWNER TO lims_owner;
GRANT USAGE ON SCHEMA public TO lims_app;
ALTER DEFAULT PRIVILEGES FOR ROLE lims_owner IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO lims_app;
ALTER DEFAULT PRIVILEGES FOR ROLE lims_owner IN SCHEMA public GRANT USAGE ON SEQUENCES TO lims_app;
ALTER DATABASE :"database" OWNER TO lims_owner;
