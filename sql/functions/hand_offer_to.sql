-- Records the person who accepted an offer by a mailed link and has its hold.
CREATE OR REPLACE FUNCTION hand_offer_to(p_offer_id uuid, p_holder_id uuid) RETURNS void
LANGUAGE sql AS $$
  UPDATE offers SET holder_id = p_holder_id WHERE offer_id = p_offer_id AND status = 'used'
$$;
