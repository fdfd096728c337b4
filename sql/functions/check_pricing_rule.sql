-- A rule's content never changes, and its status only moves forward.
CREATE OR REPLACE FUNCTION check_pricing_rule() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.rule, NEW.category_no, NEW.rule_no, NEW.made_by, NEW.made_at)
     IS DISTINCT FROM (OLD.rule, OLD.category_no, OLD.rule_no, OLD.made_by, OLD.made_at) THEN
    RAISE EXCEPTION 'pricing rule %: what it says never changes', OLD.rule_id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'pricing_rules_immutable_check';
  END IF;
  IF NEW.status < OLD.status THEN
    RAISE EXCEPTION 'pricing rule %: % cannot become %', OLD.rule_id, OLD.status, NEW.status
      USING ERRCODE = 'check_violation', CONSTRAINT = 'pricing_rules_transition_check';
  END IF;
  RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER pricing_rules_check BEFORE UPDATE ON pricing_rules
  FOR EACH ROW EXECUTE FUNCTION check_pricing_rule();
