class CreateSessions < ActiveRecord::Migration[6.1]
  def change
    create_table :sessions
  end
end
